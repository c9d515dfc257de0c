"""Benchmark texts that a version is searched for. In: a folder or a file. Out: their 13-grams as one object for the tasks.

Files are `.txt` (one text), `.jsonl` (one object a line) and `.parquet`; of the latter two every text under one of TEXT_KEYS
counts by itself. A file's name, without its ending, is the name of the benchmark. Other files are refused: one that was
skipped in silence would be taken for searched. Knows no document. Costs what `quality.contamination` says, once for each
publish, and 12 bytes a 13-gram in the object that each task reads.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config import OutputConfig
from pipeline.errors import ConfigError, ObjectMissing, PagemillError
from pipeline.interfaces import ObjectStore
from pipeline.quality.contamination import BenchmarkNgrams, index_benchmarks
from pipeline.store import open_store
from pipeline.tables.parquet import decode, encode, footer_of, to_json

TEXT_KEYS = ("text", "question", "prompt", "problem", "query", "input", "passage", "context", "answer", "solution", "output")
INDEX_SCHEMA = pa.schema([pa.field("ngram", pa.uint64(), nullable=False), pa.field("benchmark", pa.int32(), nullable=False)])
NO_BENCHMARKS = index_benchmarks({})


def read_benchmarks(uri: str | None, access: OutputConfig) -> BenchmarkNgrams:
    """The texts under an address, indexed; none for None. Read with the credentials and endpoint of the output. Raises
    ConfigError that names the file and the line."""
    if uri is None:
        return NO_BENCHMARKS
    try:
        texts = {name: list(read(name, data)) for name, read, data in _files(uri, access)}
    except PagemillError as error:
        raise ConfigError(f"cannot read the benchmarks in {uri}: {error}") from error
    if not texts:
        raise ConfigError(f"no benchmarks in {uri}; give a folder or a file with .txt, .jsonl or .parquet")
    by_name: dict[str, list[str]] = {}
    for path, found in texts.items():
        by_name.setdefault(str(PurePosixPath(path).with_suffix("")), []).extend(found)
    return index_benchmarks(by_name)


def benchmarks_id(benchmarks: BenchmarkNgrams) -> str:
    """16 hex digits that change with the 13-grams and the names, "" without benchmarks."""
    if not benchmarks.names:
        return ""
    digest = hashlib.sha256(to_json([benchmarks.names, dict(benchmarks.num_short)]).encode())
    digest.update(benchmarks.hashes_G.tobytes())
    digest.update(benchmarks.name_G.tobytes())
    return digest.hexdigest()[:16]


def encode_benchmarks(benchmarks: BenchmarkNgrams) -> bytes:
    table = pa.table([pa.array(benchmarks.hashes_G), pa.array(benchmarks.name_G)], schema=INDEX_SCHEMA)
    return encode(table, {"pagemill.benchmarks": to_json([benchmarks.names, dict(benchmarks.num_short)])})


def decode_benchmarks(data: bytes) -> BenchmarkNgrams:
    """Raises VerifyError."""
    names, num_short = json.loads(footer_of(data)["pagemill.benchmarks"])
    table = decode(data, INDEX_SCHEMA.names)
    return BenchmarkNgrams(
        names=tuple(names),
        hashes_G=table.column("ngram").to_numpy(),
        name_G=table.column("benchmark").to_numpy().astype(np.int32),
        num_short=num_short,
    )


def get_benchmarks(store: ObjectStore, key: str) -> BenchmarkNgrams:
    """The object of a publish; none for "". Raises ObjectMissing, VerifyError."""
    return decode_benchmarks(store.get(key)) if key else NO_BENCHMARKS


def _files(uri: str, access: OutputConfig) -> Iterator[tuple[str, Callable[[str, bytes], Iterable[str]], bytes]]:
    path = PurePosixPath(uri)
    if path.suffix in READERS:
        parent = open_store(access.model_copy(update={"uri": uri[: -len(path.name)].rstrip("/") or "."}))
        try:
            yield path.name, READERS[path.suffix], parent.get(path.name)
        except ObjectMissing:
            pass
        else:
            return
    folder = open_store(access.model_copy(update={"uri": uri}))
    for info in folder.list():
        if any(step.startswith((".", "_")) for step in info.key.split("/")):
            continue
        suffix = PurePosixPath(info.key).suffix
        if suffix not in READERS:
            raise ConfigError(f"{info.key} is neither .txt nor .jsonl nor .parquet; take it out of the folder")
        yield info.key, READERS[suffix], folder.get(info.key)


def _read_txt(name: str, data: bytes) -> Iterator[str]:
    yield _decoded(name, data)


def _read_jsonl(name: str, data: bytes) -> Iterator[str]:
    for number, line in enumerate(_decoded(name, data).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{name}, line {number}: not a JSON object ({error})") from error
        yield from _texts_of(value if isinstance(value, Mapping) else {}, f"{name}, line {number}")


def _read_parquet(name: str, data: bytes) -> Iterator[str]:
    try:
        table = pq.ParquetFile(io.BytesIO(data))
        columns = [key for key in TEXT_KEYS if key in table.schema_arrow.names]
        rows = table.read(columns=columns).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{name} is not a whole Parquet file: {' '.join(str(error).split())}") from error
    for number, row in enumerate(rows, start=1):
        yield from _texts_of(row, f"{name}, row {number}")


def _texts_of(row: Mapping[str, object], place: str) -> list[str]:
    texts = [text for key in TEXT_KEYS if isinstance(text := row.get(key), str)]
    if not texts:
        raise ConfigError(f"{place}: no text under {', '.join(TEXT_KEYS)}; name the field so")
    return texts


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}") from error


READERS: Mapping[str, Callable[[str, bytes], Iterable[str]]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
