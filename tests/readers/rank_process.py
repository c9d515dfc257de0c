"""One rank of a training run that only notes what it was given: `python -m tests.readers.rank_process FOLDER RANK NUM_RANKS`.

Each step is one batch and one all_reduce over gloo; after it rank 0 saves the loader's state, and every rank the ids that it
was given. `PAUSE` steps in, every rank says so and waits to be killed.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torchdata.stateful_dataloader import StatefulDataLoader

from pipeline.readers.checkpoint import resume
from pipeline.readers.groups import open_version
from pipeline.readers.order import OrderSettings
from pipeline.readers.row_groups import TableSource
from pipeline.readers.stream import open_stream
from pipeline.readers.torch_dataset import SampleDataset
from pipeline.store import FolderStore


def main(folder: Path, rank: int, num_ranks: int, pause_after: int) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous-{num_ranks}", rank=rank, world_size=num_ranks)
    store = FolderStore(root=folder)
    source = TableSource(store=store, groups=open_version(store, "v1"), columns=("id",))
    stream = open_stream(
        [source],
        settings=OrderSettings(seed=1, num_lanes=8, groups_per_lane=1, buffer_rows=16),
        window_samples=24,
        num_epochs=1,
    )
    saved = folder / "state.pt"
    resumption = resume(stream, [torch.load(saved, weights_only=False)]) if saved.exists() else None
    dataset = SampleDataset(stream, rank=rank, num_ranks=num_ranks, resumption=resumption)
    loader = StatefulDataLoader(dataset, batch_size=4, num_workers=2)
    given: list[str] = []
    batches = iter(loader)
    for step in range(1_000_000):
        batch = next(batches, None)
        has_more = torch.tensor([batch is not None], dtype=torch.int32)
        dist.all_reduce(has_more)
        if not has_more:
            break
        given += batch["id"] if batch else []
        _write(folder / f"given-{num_ranks}-{rank}.json", json.dumps(given).encode())
        dist.barrier()
        if rank == 0 and not saved.exists() and step + 1 == pause_after:
            torch.save(loader.state_dict(), folder / "state.tmp")
            (folder / "state.tmp").rename(saved)
        if step + 1 == pause_after:
            time.sleep(600)
    dist.destroy_process_group()


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
