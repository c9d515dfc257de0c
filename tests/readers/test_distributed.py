"""A real run over torch.distributed is killed and taken up by another number of ranks: every sample once in the epoch."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

REASON = "torch and torchdata are in the extra [torch]; `make test-vllm` has them"
pytest.importorskip("torch", reason=REASON)
pytest.importorskip("torchdata", reason=REASON)

from pipeline.store import FolderStore  # noqa: E402
from tests.readers.tables import write_version  # noqa: E402

NUM_ROWS = 500
PAUSE_AFTER = 11
"""Steps of two ranks x 4 samples: with two workers each, the workers are not equally far."""


@pytest.mark.parametrize("num_ranks_after", [3])
def test_two_ranks_are_killed_and_three_see_the_rest_of_the_epoch_exactly_once(tmp_path: Path, num_ranks_after: int) -> None:
    write_version(FolderStore(root=tmp_path), ([60, 90], [150], [40, 160]))
    first = start(tmp_path, 2, PAUSE_AFTER)
    wait_for(tmp_path / "state.pt", first)
    for process in first:
        process.kill()
        process.wait()
    before = given(tmp_path, 2)
    assert [len(rank) for rank in before] == [PAUSE_AFTER * 4] * 2
    for process in start(tmp_path, num_ranks_after, 0):
        assert process.wait(timeout=120) == 0
    after = given(tmp_path, num_ranks_after)
    assert sorted(int(sample) for rank in before + after for sample in rank) == list(range(NUM_ROWS))
    assert max(map(len, after)) - min(map(len, after)) <= 1


def start(folder: Path, num_ranks: int, pause_after: int) -> list[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "tests.readers.rank_process", str(folder)]
    return [subprocess.Popen([*argv, str(rank), str(num_ranks), str(pause_after)]) for rank in range(num_ranks)]


def wait_for(path: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    deadline_s = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline_s, f"{path.name} was not written in two minutes"
        assert [process.poll() for process in processes] == [None] * len(processes)
        time.sleep(0.1)


def given(folder: Path, num_ranks: int) -> list[list[str]]:
    return [json.loads((folder / f"given-{num_ranks}-{rank}.json").read_text()) for rank in range(num_ranks)]
