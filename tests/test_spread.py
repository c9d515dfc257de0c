"""A function over Ray tasks: in order, the same for any number of workers, and an error that names the task."""

import os
import signal
from pathlib import Path

import pytest

from pipeline.cluster import over_tasks
from pipeline.config import StoreConfig
from pipeline.errors import BuildError, VerifyError
from pipeline.store import open_store
from tests.builds.factory import config, finished_build, publish

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def squared(number: int) -> int:
    if number == 13:
        raise VerifyError("thirteen")
    return number * number


def die_until(path: str) -> str:
    """Its process is killed until the file is there, which the first run makes."""
    marker = Path(path)
    if marker.name == "always" or not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def test_results_come_in_the_order_of_the_items_however_many_there_are() -> None:
    assert list(over_tasks(squared, iter(range(13)))) == [number * number for number in range(13)]
    assert list(over_tasks(squared, ())) == []


def test_an_error_of_the_function_comes_as_it_was_raised() -> None:
    with pytest.raises(VerifyError, match=r"^thirteen$"):
        list(over_tasks(squared, range(20)))


def test_a_task_whose_process_was_killed_is_run_again(tmp_path: Path) -> None:
    assert list(over_tasks(die_until, [str(tmp_path / "once")])) == ["alive"]


def test_a_task_that_is_lost_every_time_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"die_until of .*/always was lost 4 times"):
        list(over_tasks(die_until, [str(tmp_path / "always")]))


def test_a_version_made_by_tasks_is_the_one_that_is_made_here(tmp_path: Path) -> None:
    here, spread = (open_store(StoreConfig(uri=str(tmp_path / name))) for name in ("here", "spread"))
    finished_build(here)
    for info in here.list():
        spread.put(info.key, here.get(info.key))
    small = config(publish={"part_bytes": 1000, "row_group_bytes": 500})
    assert publish(here, small) == publish(spread, small, spread=over_tasks)
    assert {info.key: here.get(info.key) for info in here.list()} == {info.key: spread.get(info.key) for info in spread.list()}
