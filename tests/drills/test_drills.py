"""A short sample of the drills, and that they notice what they are for. The long run is `python -m jobs.drill`."""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.drill import main
from jobs.drills import driver as driver_module
from jobs.drills.cluster import CLUSTER_KINDS, rehearse_on_a_cluster
from jobs.drills.network import rehearse_over_network
from jobs.drills.rehearsal import Rehearsal, rehearse
from jobs.drills.stage import Actor, Killed, Stage, Stuck
from jobs.drills.watch import Broken
from jobs.drills.weather import KINDS, Kind
from pipeline.builds.plan import bisect
from pipeline.interfaces import ObjectStore
from pipeline.receipts import Shard, ShardReceipt
from pipeline.store import FolderStore


def drill(seed: int, folder: Path, kinds: tuple[Kind, ...] = KINDS, store: ObjectStore | None = None) -> Rehearsal:
    bare = FolderStore(root=folder)
    return rehearse(seed, kinds, store=store or bare, bare=bare)


def drill_until_broken(folder: Path, kinds: tuple[Kind, ...]) -> None:
    for seed in range(30):
        drill(seed, folder / str(seed), kinds)


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where the machine has such a place: a drill makes every write durable."""
    with tempfile.TemporaryDirectory(prefix="drill", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as name:
        yield Path(name)


@pytest.mark.parametrize("seed", range(8))
def test_under_every_fault_no_page_is_lost_or_doubled(seed: int, folder: Path) -> None:
    done = drill(seed, folder)
    assert done.num_rows > 0
    assert (done.num_rows_lost, done.num_rows_doubled) == (0, 0)
    assert sum(done.struck.values()) > 0


@pytest.mark.s3
@pytest.mark.parametrize("seed", [1])
def test_the_same_holds_over_a_network_that_loses_and_changes_what_it_carries(seed: int, s3_endpoint: str) -> None:
    done = rehearse_over_network(seed, ("two_drivers", "driver_killed"), s3_endpoint)
    assert (done.num_rows_lost, done.num_rows_doubled) == (0, 0)
    assert any(kind.startswith("network: ") for kind in done.struck)


@pytest.mark.ray
@pytest.mark.slow
def test_the_same_holds_for_two_real_drivers_at_once() -> None:
    seed = sorted(CLUSTER_KINDS).index("second_driver")
    done = rehearse_on_a_cluster(seed)
    assert done.struck["second_driver"] == 1
    assert (done.num_rows_lost, done.num_rows_doubled) == (0, 0)


def test_a_seed_replays(tmp_path: Path) -> None:
    first, again = (drill(5, tmp_path / name) for name in ("one", "two"))
    assert first == again


class Overwriting(FolderStore):
    """Believes every writer of pages to be the first."""

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        if not key.startswith("pages/"):
            return super().put_once(key, data, attempt_id=attempt_id)
        self.put(key, data)
        return True


def test_a_store_that_lets_a_second_writer_replace_an_object_is_noticed(folder: Path) -> None:
    with pytest.raises(Broken, match="was replaced after a reader had seen it"):
        drill(0, folder, ("two_drivers",), store=Overwriting(root=folder))


def test_a_split_that_leaves_the_whole_shard_open_to_a_zombie_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit of no rows on the shard's own key is what keeps a zombie out."""

    class Forgetful(driver_module.Settlement):
        def lost(self, shard: Shard, reason: str) -> ShardReceipt | None:
            if len(shard.documents) > 1:
                for half in bisect(shard):
                    self._queue.add(half)
                return None
            return super().lost(shard, reason)

    monkeypatch.setattr(driver_module, "Settlement", Forgetful)
    with pytest.raises(Broken):
        drill_until_broken(folder, ("zombie", "worker_killed"))


def test_a_driver_that_ends_well_with_nothing_published_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "publish", lambda store, config, *, code_version: None)
    with pytest.raises(Broken, match="ended well, and nothing is published"):
        drill(0, folder)


def test_actors_take_turns_in_an_order_of_the_seed() -> None:
    def played(seed: int) -> list[str]:
        stage, said = Stage(random.Random(seed)), []

        def act(actor: Actor) -> None:
            for _ in range(4):
                said.append(actor.name)
                actor.pause()

        for name in "abc":
            stage.enter(name, act)
        while stage.move():
            pass
        return said

    assert played(1) == played(1) != played(2)
    assert sorted(played(1)) == sorted("abc" * 4)


def test_an_actor_that_is_killed_ends_at_its_next_pause_and_waiting_for_nobody_is_noticed() -> None:
    stage = Stage(random.Random(0))
    waiting = stage.enter("waiting", lambda actor: actor.wait(lambda: False))
    assert stage.move()
    with pytest.raises(Stuck, match="waiting wait for ever"):
        stage.move()
    waiting.is_dead = True
    assert stage.move()
    assert isinstance(waiting.error, Killed)
    assert not stage.move()


def test_the_command_tells_what_struck_and_appends_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "drills.md"
    assert main(["--seeds", "0-9", "--kinds", "lost_reply", "--report", str(report)]) == 0
    assert "0 lost, 0 doubled; 0 drills broke a promise" in capsys.readouterr().out
    assert "| lost_reply |" in report.read_text()
    with pytest.raises(SystemExit, match="2"):
        main(["--kinds", "earthquake"])
