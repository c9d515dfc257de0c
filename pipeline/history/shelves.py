"""What a dataset has stored, by one listing each of `_builds/` and `_versions/`: which builds, receipts, versions, tables.

In: the store. Out: Shelves. Opens the footer of every plan and the manifest of the latest version, and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.builds import layout
from pipeline.builds.past import PastBuild, past_builds
from pipeline.interfaces import ObjectInfo, ObjectStore
from pipeline.publishing.versions import VersionManifest, latest_version


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelves:
    store: ObjectStore
    builds: Sequence[PastBuild]
    """In the order in which they were planned."""
    objects: Mapping[str, ObjectInfo]
    """By key: everything below `_builds/` and `_versions/`."""
    latest: VersionManifest | None
    receipted: Mapping[str, str] = field(default_factory=dict)
    """Shard to the build that has its receipt."""

    def build(self, build_id: str) -> PastBuild:
        return next(build for build in self.builds if build.build_id == build_id)

    def plan(self, build_id: str) -> ObjectInfo:
        return self.objects[layout.plan_key(build_id)]

    def unpublished(self) -> Iterator[PastBuild]:
        """Builds that the latest version does not hold: what was read in them stands in no table of verdicts that is looked
        at."""
        published = self.latest.inputs.builds if self.latest else ()
        return (build for build in self.builds if build.build_id not in published)

    def verdicts(self, version_id: str) -> ObjectInfo | None:
        """None when `gc` has deleted them."""
        return self.objects.get(layout.verdicts_key(version_id))


def open_shelves(store: ObjectStore) -> Shelves:
    """Raises StoreError, VerifyError."""
    objects = {info.key: info for prefix in (layout.BUILDS_PREFIX, layout.VERSIONS_PREFIX) for info in store.list(prefix)}
    receipts = (layout.RECEIPT_KEY.fullmatch(key) for key in objects)
    return Shelves(
        store=store,
        builds=past_builds(store),
        objects=objects,
        latest=latest_version(store),
        receipted={match["shard_id"]: match["build_id"] for match in receipts if match},
    )
