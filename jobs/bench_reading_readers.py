"""One reader of the comparison in one process: reads a version from end to end and says how long it took, as one line of JSON.

Run as a file by an interpreter that has the library it measures, and nothing of ours but for `pagemill`:
`python jobs/bench_reading_readers.py READER FOLDER`. Every sample becomes a Python string, which is what a tokenizer takes.
"""

import importlib
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow
    from datasets import IterableDataset

    from pipeline.readers.stream import Stream

BATCH_ROWS = 1024
SHUFFLE_ROWS = 512
SEED = 0


def pagemill(place: str) -> Iterator[str]:
    from pipeline.readers.share import Course, World
    from pipeline.readers.stream import read

    stream = _pagemill_stream(place)
    for sample in read(stream, Course(end=stream.end), world=World(), rank=0, worker=0):
        yield str(sample["text"])


def pagemill_file_order(place: str) -> Iterator[str]:
    """One lane and no seed: what the shuffle costs is the difference."""
    from pipeline.readers.order import OrderSettings
    from pipeline.readers.share import Course, World
    from pipeline.readers.stream import open_stream, read

    tables = _pagemill_stream(place).tables
    stream = open_stream(tables, settings=OrderSettings(seed=None, num_lanes=1), num_epochs=1)
    for sample in read(stream, Course(end=stream.end), world=World(), rank=0, worker=0):
        yield str(sample["text"])


def pagemill_two_workers(place: str) -> Iterator[str]:
    from torchdata.stateful_dataloader import StatefulDataLoader

    from pipeline.readers.torch_dataset import SampleDataset

    dataset = SampleDataset(_pagemill_stream(place), rank=0, num_ranks=1)
    for batch in StatefulDataLoader(dataset, batch_size=32, num_workers=2, collate_fn=list):
        yield from (sample["text"] for sample in batch)


def _pagemill_stream(place: str) -> "Stream":
    from pipeline.config import StoreConfig
    from pipeline.readers.groups import open_version
    from pipeline.readers.row_groups import TableSource
    from pipeline.readers.stream import open_stream
    from pipeline.store import open_store

    store = open_store(StoreConfig(uri=place, endpoint_url=os.environ.get("BENCH_ENDPOINT")))
    return open_stream([TableSource(store=store, groups=open_version(store, "bench"), columns=("text",))], num_epochs=1)


def pyarrow_strings(place: str) -> Iterator[str]:
    for batch in _pyarrow_batches(place):
        yield from batch.column(0).to_pylist()


def pyarrow_arrow(place: str) -> Iterator[str]:
    """What Arrow decodes, of which nothing becomes Python: one empty string a batch."""
    for batch in _pyarrow_batches(place):
        yield "x" * 0 if batch.num_rows else ""


def _pyarrow_batches(place: str) -> Iterator["pyarrow.RecordBatch"]:
    import pyarrow.fs
    import pyarrow.parquet

    if place.startswith("s3://"):
        endpoint = os.environ["BENCH_ENDPOINT"].removeprefix("http://")
        filesystem = pyarrow.fs.S3FileSystem(endpoint_override=endpoint, scheme="http", region="us-east-1")
        root = place.removeprefix("s3://")
    else:
        filesystem, root = pyarrow.fs.LocalFileSystem(), place
    selector = pyarrow.fs.FileSelector(f"{root}/documents/version=bench")
    for path in sorted(info.path for info in filesystem.get_file_info(selector)):
        with filesystem.open_input_file(path) as file:
            opened = pyarrow.parquet.ParquetFile(file, pre_buffer=place.startswith("s3://"))
            yield from opened.iter_batches(BATCH_ROWS, columns=["text"])


def datasets_streaming(place: str) -> Iterator[str]:
    return (row["text"] for row in _datasets(place))


def datasets_shuffled(place: str) -> Iterator[str]:
    return (row["text"] for row in _datasets(place).shuffle(seed=SEED, buffer_size=SHUFFLE_ROWS))


def datasets_two_workers(place: str) -> Iterator[str]:
    from torchdata.stateful_dataloader import StatefulDataLoader

    shuffled = _datasets(place).shuffle(seed=SEED, buffer_size=SHUFFLE_ROWS)
    for batch in StatefulDataLoader(shuffled, batch_size=32, num_workers=2, collate_fn=list):
        yield from (sample["text"] for sample in batch)


def _datasets(place: str) -> "IterableDataset":
    import datasets

    endpoint = os.environ.get("BENCH_ENDPOINT")
    options = {"storage_options": {"client_kwargs": {"endpoint_url": endpoint}}} if place.startswith("s3://") else {}
    files = f"{place}/documents/version=bench/*.parquet"
    return datasets.load_dataset("parquet", data_files=files, split="train", streaming=True, columns=["text"], **options)


def litdata_parquet(place: str) -> Iterator[str]:
    """Over S3 the files come into a cache that begins empty, by its fast client, which has to be told that http will do."""
    from litdata import StreamingDataLoader, StreamingDataset, index_parquet_dataset
    from litdata.streaming.item_loader import ParquetLoader

    folder = f"{place}-litdata"
    options: dict[str, object] = {}
    if place.startswith("s3://"):
        options = {"storage_options": {"endpoint_url": os.environ["BENCH_ENDPOINT"]}, "cache_dir": tempfile.mkdtemp()}
        vars(importlib.import_module("litdata.streaming.downloader"))["_OBSTORE_CLIENT_OPTIONS"]["allow_http"] = True
    elif not Path(folder, "index.json").exists():
        index_parquet_dataset(folder)
    dataset = StreamingDataset(folder, item_loader=ParquetLoader(columns=["text"]), shuffle=True, seed=SEED, **options)
    for batch in StreamingDataLoader(dataset, batch_size=32, num_workers=0, collate_fn=list):
        yield from (row["text"] if isinstance(row, dict) else row[0] for row in batch)


def mosaic_mds(place: str) -> Iterator[str]:
    """Over S3 the shards come into a folder that begins empty, as on a machine that has not read them yet."""
    from streaming import StreamingDataset

    folder, where = f"{place}-mds", {"local": f"{place}-mds"}
    if place.startswith("s3://"):
        os.environ["S3_ENDPOINT_URL"] = os.environ["BENCH_ENDPOINT"]
        where = {"remote": folder, "local": tempfile.mkdtemp()}
    for row in StreamingDataset(**where, shuffle=True, shuffle_seed=SEED, batch_size=32):
        yield row["text"]


def write_mds(place: str) -> None:
    """The same texts as MDS, as its writer makes it; not timed."""
    from streaming import MDSWriter

    with MDSWriter(out=f"{place}-mds", columns={"text": "str"}) as writer:
        for text in pyarrow_strings(place):
            writer.write({"text": text})


READERS: dict[str, Callable[[str], Iterator[str]]] = {
    "pagemill": pagemill,
    "pagemill, in file order": pagemill_file_order,
    "pagemill, 2 loader workers": pagemill_two_workers,
    "pyarrow iter_batches, Arrow only": pyarrow_arrow,
    "pyarrow iter_batches, as strings": pyarrow_strings,
    "datasets, streaming": datasets_streaming,
    "datasets, streaming, shuffled": datasets_shuffled,
    "datasets, shuffled, 2 loader workers": datasets_two_workers,
    "litdata on Parquet": litdata_parquet,
    "mosaicml-streaming on its MDS copy": mosaic_mds,
}


def resume_many(place: str) -> dict[str, float]:
    """Seconds from nothing open to a sample in the middle of a version of many files, and to the 32 samples after it."""
    from pipeline.readers.share import Course, World
    from pipeline.readers.stream import read

    started_s = time.perf_counter()
    stream = _pagemill_stream(place)
    samples = read(stream, Course(end=stream.end), world=World(), rank=0, worker=0, num_taken=stream.num_rows // 2)
    next(samples)
    first_s = time.perf_counter() - started_s
    for _ in range(32):
        next(samples)
    batch_s = time.perf_counter() - started_s
    samples.close()
    return {"first_s": first_s, "batch_s": batch_s, "rows": stream.num_rows, "files": len(stream.tables[0].groups.files)}


IMPORTS = {
    "pagemill": ("pandas", "pipeline.readers.stream", "pipeline.store"),
    "pyarrow": ("pandas", "pyarrow.parquet", "pyarrow.fs"),
    "datasets": ("datasets",),
    "litdata": ("litdata", "polars"),
    "mosaicml": ("streaming",),
}
"""By the first word of the name; imported before the clock starts. pyarrow imports pandas by itself where it is installed."""


def measure(name: str, place: str) -> dict[str, float]:
    """Seconds to the first sample and to the last, CPU seconds of this process and its children, characters."""
    for module in (*IMPORTS[re.split(r"[ ,-]", name)[0]], *(["torchdata.stateful_dataloader"] if "workers" in name else [])):
        importlib.import_module(module)
    samples = READERS[name](place)
    started_cpu_s, started_s = _cpu_s(), time.perf_counter()
    num_chars = num_samples = 0
    first_s = 0.0
    for sample in samples:
        num_samples += 1
        num_chars += len(sample)
        first_s = first_s or time.perf_counter() - started_s
    elapsed_s = time.perf_counter() - started_s
    return {
        "samples": num_samples,
        "chars": num_chars,
        "first_s": first_s,
        "elapsed_s": elapsed_s,
        "cpu_s": _cpu_s() - started_cpu_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    if sys.argv[1] == "write-mds":
        write_mds(sys.argv[2])
    elif sys.argv[1] == "resume":
        for module in IMPORTS["pagemill"]:
            importlib.import_module(module)
        print(json.dumps(resume_many(sys.argv[2])))
    else:
        print(json.dumps(measure(sys.argv[1], sys.argv[2])))
