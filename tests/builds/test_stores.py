"""The whole life of a build in a real folder and a real bucket."""

import threading
from pathlib import Path

import pytest

from pipeline.builds.commit import commit_shard, open_shards, read_receipts
from pipeline.config import StoreConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verify import verify
from pipeline.receipts import ShardReceipt
from pipeline.store import open_store
from tests.builds.factory import CORPUS, config, planned_build, publish
from tests.tables.samples import opened, pages_file


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def real_store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_store(StoreConfig(uri=str(tmp_path / "dataset")))
    bucket, endpoint_url = request.getfixturevalue("s3_bucket"), request.getfixturevalue("s3_endpoint")
    return open_store(StoreConfig(uri=f"s3://{bucket}/dataset", endpoint_url=endpoint_url))


def test_a_build_is_planned_committed_published_and_verified(real_store: ObjectStore) -> None:
    plan = planned_build(real_store)
    first, *rest = plan.shards
    commit_shard(real_store, "main", first.shard_id, pages_file(first, stamp=plan.stamp), attempt_id="a")
    resumed = planned_build(real_store, ())
    assert open_shards(resumed, read_receipts(real_store, "main")) == rest
    for shard in rest:
        commit_shard(real_store, "main", shard.shard_id, pages_file(shard, stamp=plan.stamp), attempt_id="a")
    manifest = publish(real_store, config())
    assert publish(real_store, config()) == manifest
    report = verify(real_store, "main")
    assert report.findings == ()
    assert report.num_pages == sum(opened(ref).num_pages for ref in CORPUS[:8])
    top = {info.key.partition("/")[0] for info in real_store.list()}
    assert top == {"README.md", "_builds", "_dedup", "_judged", "_versions", "documents", "pages"}


def test_two_drivers_that_do_the_same_build_at_once_leave_it_whole(real_store: ObjectStore) -> None:
    plan = planned_build(real_store)
    receipts: list[ShardReceipt] = []
    barrier = threading.Barrier(2)

    def drive(name: str) -> None:
        barrier.wait()
        for shard in plan.shards:
            data = pages_file(shard, stamp=plan.stamp)
            receipts.append(commit_shard(real_store, "main", shard.shard_id, data, attempt_id=f"{name} {shard.shard_id}"))
        publish(real_store, config())

    drivers = [threading.Thread(target=drive, args=(name,)) for name in ("one", "two")]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert len(receipts) == 2 * len(plan.shards)
    assert verify(real_store, "main").findings == ()
    assert verify(real_store, "main").is_published
