"""`pagemill build`, one of whose workers is killed after two pages; then meters that hear of a build made up: what no scripted
engine can give (modes, tokens, a document known, a shard split)."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

from jobs import build
from pipeline.cluster import DriverMeters, run_shards
from pipeline.cluster.meters import WorkerMeters
from pipeline.config import BuildConfig
from pipeline.events import BuildEvent, Pulse, WorkerFigures, WorkerOpened
from pipeline.receipts import Shard, ShardReceipt
from pipeline.records import Attempt, PageId, PageText

MADE_UP = "made-up"
VISION_TOKENS, TEXT_TOKENS, OUTPUT_TOKENS = 256, 1280, 1500


def run_troubled(shards: list[Shard], config: BuildConfig, **named: object) -> Iterator[BuildEvent]:
    """In place of `cluster.run_shards`."""
    opened: list[int] = []
    is_killed = False
    receipts: list[ShardReceipt] = []
    for event in run_shards(shards, config, **named):  # type: ignore[arg-type]
        yield event
        match event:
            case WorkerOpened():
                opened.append(int(event.worker.rsplit("/", 1)[1]))
            case Pulse() if event.num_pages_read >= 2 and not is_killed:
                is_killed = True
                os.kill(opened[0], signal.SIGKILL)
            case ShardReceipt():
                receipts.append(event)
    make_up(config.model_copy(update={"build_id": MADE_UP}), receipts[0])


def make_up(config: BuildConfig, receipt: ShardReceipt) -> None:
    driver = DriverMeters(config)
    changed = {
        "num_known": 3,
        "num_output_tokens": OUTPUT_TOKENS,
        "pages_by_mode": {"base": 1},
        "vision_tokens_by_mode": {"base": VISION_TOKENS},
        "text_tokens_by_mode": {"base": TEXT_TOKENS},
    }
    driver.hear(replace(receipt, **changed))  # type: ignore[arg-type]
    driver.hear(replace(receipt, split_into=("a", "b")))
    worker = WorkerMeters(config)
    attempt = Attempt(rung="first", mode="tiny", reasons=("loop",), seconds=0.1, output_tokens=9)
    page = PageText(page_id=PageId("0" * 64, 0), text="", status="ok", engine="made-up", engine_version="1")
    worker.page(replace(page, mode="base", vision_tokens=VISION_TOKENS, text_tokens=TEXT_TOKENS, attempts=(attempt,)))
    figures = WorkerFigures(worker="here/1", alive_s=2.0, engine_busy_s=0.5, num_pages_read=1, num_pages_in_engine=0)
    worker.figures(figures)
    worker.figures(replace(figures, alive_s=3.0, engine_busy_s=1.25))


if __name__ == "__main__":
    build.run_shards = run_troubled  # type: ignore[assignment]
    sys.exit(build.main(sys.argv[1:]))
