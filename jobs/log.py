"""`pagemill log`: the versions of a dataset, the latest first."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence

from jobs.command_line import DONE, add_config_arguments, config_of, end_process, parser_for, run_command
from pipeline.builds.recipe import difference
from pipeline.publishing.versions import VersionManifest, list_versions, read_latest
from pipeline.publishing.withdrawn import list_withdrawals
from pipeline.readers.withdrawn import Withdrawal
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "log",
        "The published versions of a dataset, newest first: what each is made on, of which builds, and what it changed.",
        "pagemill log configs/quickstart.yaml",
    )
    add_config_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    store = open_store(config_of(arguments).output)
    latest = read_latest(store)
    latest_id = latest.version_id if latest else None
    gone = {each.version_id: each for each in list_withdrawals(store)}
    versions = {version.version_id: version for version in list_versions(store)}
    for version in reversed(versions.values()):
        entry = entry_of(version, versions.get(version.parent_id or ""), is_latest=version.version_id == latest_id)
        entry["withdrawn"] = withdrawal_told(gone.pop(version.version_id, None))
        print(json.dumps(entry, sort_keys=True) if arguments.json else "\n".join(lines_of(entry)))
    for each in gone.values():
        told = {"version": each.version_id, "withdrawn": withdrawal_told(each)}
        print(json.dumps(told, sort_keys=True) if arguments.json else f"{told['version']}, withdrawn {told['withdrawn']}")
    return DONE


def withdrawal_told(withdrawal: Withdrawal | None) -> str:
    """When and why it was withdrawn, "" while it may be read."""
    return "" if withdrawal is None else f"{withdrawal.at:%Y-%m-%d}: {withdrawal.reason}"


def entry_of(version: VersionManifest, parent: VersionManifest | None, *, is_latest: bool) -> dict[str, object]:
    """One version as plain values."""
    return {
        "version": version.version_id,
        "latest": is_latest,
        "parent": version.parent_id,
        "builds": list(version.inputs.builds),
        "recipes": {build.evidence.build_id: build.evidence.recipe_id for build in version.builds},
        "code_version": version.code_version,
        "documents": version.num_documents_kept,
        "characters": version.num_chars,
        "tokens": version.num_tokens,
        "tokenizer": version.inputs.tokenizer,
        "rejected": dict(version.documents_by_reject),
        "parts": len(version.parts),
        "gates": [gate.told for gate in version.gates],
        "changes": list(changes(version, parent)),
    }


def changes(version: VersionManifest, parent: VersionManifest | None) -> Iterator[str]:
    """What the version has that its parent had not: builds, rules, documents by reason."""
    if parent is None:
        return
    for build_id in version.inputs.builds:
        if build_id not in parent.inputs.builds:
            yield f"build {build_id}"
    if rules := difference(parent.inputs.rules, version.inputs.rules):
        yield f"rules: {rules}"
    if dedup := difference(parent.inputs.dedup, version.inputs.dedup):
        yield f"dedup: {dedup}"
    if sizes := difference(parent.inputs.publish, version.inputs.publish):
        yield f"sizes: {sizes}"
    if parent.inputs.tokenizer != version.inputs.tokenizer:
        yield f"tokenizer: {parent.inputs.tokenizer} -> {version.inputs.tokenizer}"
    yield from _told("documents", {"published": parent.num_documents_kept}, {"published": version.num_documents_kept})
    yield from _told("documents", parent.documents_by_reject, version.documents_by_reject)
    yield from _told("pages", parent.pages_by_reject, version.pages_by_reject)
    if version.num_chars != parent.num_chars:
        yield f"characters: {parent.num_chars:,} -> {version.num_chars:,}"


def lines_of(entry: Mapping[str, object]) -> Iterator[str]:
    """The same for people."""
    made_on = f"on {entry['parent']}" if entry["parent"] else "from nothing"
    yield f"{entry['version']}{' (latest)' if entry['latest'] else ''}, made {made_on}, by pagemill {entry['code_version']}"
    if entry.get("withdrawn"):
        yield f"  withdrawn {entry['withdrawn']}; its documents are deleted"
    rejected = entry["rejected"]
    assert isinstance(rejected, dict)
    out = ", ".join(f"{number:,} {name}" for name, number in rejected.items())
    tokens = f", {entry['tokens']:,} tokens by {entry['tokenizer']}" if entry["tokenizer"] else ""
    yield f"  {entry['documents']:,} documents, {entry['characters']:,} characters{tokens}" + (
        f"; left out: {out}" if out else ""
    )
    for name in ("builds", "gates", "changes"):
        told = entry[name]
        assert isinstance(told, list)
        yield from (f"  {name:<8} {line}" for line in ([", ".join(told)] if name == "builds" else told))


def _told(name: str, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    for reason in sorted({*before, *after}):
        if before.get(reason, 0) != after.get(reason, 0):
            yield f"{name} {reason}: {before.get(reason, 0):,} -> {after.get(reason, 0):,}"


if __name__ == "__main__":
    end_process(main())
