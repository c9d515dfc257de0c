"""`PEER_PYTHON -m jobs.dedup_peer PAGES.jsonl FOLDER`: the MinHash stages of datatrove over some texts, timed stage by stage.

In: rows of `id` and `text`. Out: one line of JSON on the standard output: seconds and the ids left. Runs under a Python that
has datatrove, and imports nothing of Pagemill. Its own defaults: 14 buckets of 8 hashes over 5-word n-grams, 64-bit xxhash,
English words. All tasks of a stage in this process, one after another, without the executor and its logs.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig


def main(pages_path: Path, folder: Path) -> None:
    documents = [Document(**json.loads(line)) for line in pages_path.read_text("utf-8").splitlines()]
    config = MinhashConfig()
    signature = MinhashDedupSignature(str(folder / "signatures"), config)
    signature.get_shingles("The tokenizer is loaded before the clock starts.")
    buckets = MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets"), config=config)
    cluster = MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), config=config)
    keep = MinhashDedupFilter(str(folder / "remove"))
    left: list[str] = []
    stages: dict[str, Callable[[], object]] = {
        "signature": lambda: signature.run(iter(documents), 0, 1),
        "buckets": lambda: [buckets.run(None, rank, config.num_buckets) for rank in range(config.num_buckets)],
        "cluster": lambda: cluster.run(None, 0, 1),
        "filter": lambda: left.extend(document.id for document in keep.run(iter(documents), 0, 1)),
    }
    seconds = {}
    for name, run in stages.items():
        started_s, cpu_s = time.perf_counter(), time.process_time()
        run()
        seconds[name] = [time.perf_counter() - started_s, time.process_time() - cpu_s]
    sys.stdout.write(json.dumps({"seconds": seconds, "left": left}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
