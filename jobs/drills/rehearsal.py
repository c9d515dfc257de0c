"""One drill: a build under one seed's weather, started again until it is done, and checked from its store alone.

In: a seed, the kinds of fault allowed, an empty store. Out: a Rehearsal that counts what struck. Raises Broken when a promise
does not hold, and Stuck when nothing moves any more. Costs about 0.5 s on one core with a folder.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jobs.drills.corpus import draw_corpus
from jobs.drills.driver import Place, drive
from jobs.drills.process import Process
from jobs.drills.stage import Actor, Killed, Stage
from jobs.drills.watch import Broken, Watch
from jobs.drills.weather import DRIVER_KILL_RATE, Kind, Weather
from pipeline.builds import layout
from pipeline.builds.ledger import read_manifest
from pipeline.config import BuildConfig, parse_config
from pipeline.errors import BuildIncomplete, SourceError, StoreError
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import read_version
from pipeline.store import FolderStore
from pipeline.tables.parquet import decode

MAX_RUNS = 12
MAX_MOVES = 200_000
STOPS = (Killed, StoreError, SourceError, BuildIncomplete)
"""How a run of `pagemill build` may end; the same command again goes on from there."""
BUILD_ID = "drill"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """What a build says, without what differs from run to run (times, workers)."""

    pages: Mapping[str, tuple[object, ...]]
    """Status, text and reject reasons by row id."""
    documents: tuple[tuple[object, ...], ...]
    """Id, text, spans and page numbers, in the order of the rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """What one drill did and found."""

    seed: int
    kinds: frozenset[Kind]
    struck: Mapping[str, int]
    num_runs: int
    """Of drivers, the first included."""
    num_moves: int
    num_looks: int
    """Times that a globbing reader looked."""
    num_rows: int
    num_rows_lost: int
    num_rows_doubled: int


def config_of(shard_documents: int) -> BuildConfig:
    return parse_config(
        {
            "input": {"uri": "shelf"},
            "output": {"uri": "unused"},
            "build_id": BUILD_ID,
            "engine": {"name": "scripted", "fail_every": 9},
            "render": {"dpi": 20},
            "plan": {"shard_documents": shard_documents},
        }
    )


def rehearse(seed: int, allowed: Collection[Kind], *, store: ObjectStore, bare: ObjectStore) -> Rehearsal:
    """Runs the drill of one seed in an empty store. `bare` is the same store without faults of its own: what is there."""
    weather = Weather.of_seed(seed, allowed)
    chance = random.Random(seed)
    shard_documents = chance.choice((1, 2, 3, 5, 50))
    documents = draw_corpus()
    poison = weather.poisonous([name for name in sorted(documents) if name.startswith("book") and name != "book_1.pdf"])
    place = Place(
        store=store,
        config=config_of(shard_documents),
        documents=documents,
        poison=poison,
        weather=weather,
        stage=Stage(chance),
        watch=Watch(bare),
    )
    drivers = _run_to_the_end(place, num_drivers=2 if "two_drivers" in weather.kinds else 1)
    expected = undisturbed(shard_documents, poison)
    found = tables_of(bare)
    check(bare, "shelf", poison, expected, found)
    processes = [*drivers, *(worker.process for worker in place.workers)]
    return Rehearsal(
        seed=seed,
        kinds=weather.kinds,
        struck=sum((process.struck for process in processes), Counter()),
        num_runs=len(drivers),
        num_moves=place.stage.num_moves,
        num_looks=place.watch.num_looks,
        num_rows=len(found.pages),
        num_rows_lost=len(expected.pages.keys() - found.pages.keys()),
        num_rows_doubled=0,
    )


def _run_to_the_end(place: Place, num_drivers: int) -> list[Process]:
    """Starts each driver again until it is done; then whoever is left over (zombies) may end too."""
    drivers: list[Process] = []
    running: dict[int, Actor] = {}
    runs: Counter[int] = Counter()
    to_start = set(range(num_drivers))
    while True:
        for number in sorted(to_start):
            process, running[number] = _start(place, number, runs[number])
            drivers.append(process)
            runs[number] += 1
        to_start = set()
        if not place.stage.move():
            return drivers
        if place.stage.num_moves > MAX_MOVES:
            raise Broken(f"not at an end after {MAX_MOVES} moves")
        _refuse_foreign_errors(place)
        for number, actor in list(running.items()):
            if actor.is_done:
                del running[number]
                to_start |= _again(place, actor, number, runs[number])


def _start(place: Place, number: int, run: int) -> tuple[Process, Actor]:
    is_clear = place.weather.is_clear(run)
    name = f"driver {number}.{run}"
    process = Process(
        name,
        place.weather,
        kill_kind="driver_killed",
        kill_rate=DRIVER_KILL_RATE,
        is_clear=is_clear,
        can_die=lambda: True,
    )
    actor = place.stage.enter(name, lambda actor: drive(place, actor, process, is_clear=is_clear))
    process.actors.append(actor)
    return process, actor


def _again(place: Place, actor: Actor, number: int, num_runs: int) -> set[int]:
    """The driver to start again, if any. Raises Broken for a run that ended as none may."""
    if actor.error is None:
        if not any(place.watch.store.list(layout.LATEST_KEY)):
            raise Broken(f"{actor.name} ended well, and nothing is published")
        return set()
    if not isinstance(actor.error, STOPS):
        raise Broken(f"{actor.name} ended with {type(actor.error).__name__}: {actor.error}") from actor.error
    if num_runs >= MAX_RUNS:
        raise Broken(f"{actor.name} was the last of {MAX_RUNS} runs and did not end well: {actor.error}") from actor.error
    return {number}


def _refuse_foreign_errors(place: Place) -> None:
    for worker in place.workers:
        for actor in worker.process.actors:
            if actor.error is not None and not isinstance(actor.error, Killed):
                raise Broken(f"{actor.name} ended with {type(actor.error).__name__}: {actor.error}") from actor.error


@cache
def undisturbed(shard_documents: int, poison: str | None) -> Tables:
    """The same build in fair weather. The document that nobody survives is there as so many bytes of rubbish, so that the
    shards are the same."""
    documents = {name: b"x" * len(data) if name == poison else data for name, data in draw_corpus().items()}
    with tempfile.TemporaryDirectory(prefix="drill") as folder:
        store = FolderStore(root=Path(folder))
        run_plainly(store, config_of(shard_documents), documents)
        return tables_of(store)


def run_plainly(store: ObjectStore, config: BuildConfig, documents: Mapping[str, bytes]) -> None:
    """One run in fair weather. Raises what ends it, StoreError among others."""
    stage = Stage(random.Random(0))
    place = Place(
        store=store,
        config=config,
        documents=documents,
        poison=None,
        weather=Weather(seed=0, kinds=frozenset()),
        stage=stage,
        watch=Watch(store),
    )
    _, actor = _start(place, 0, 0)
    while stage.move():
        _refuse_foreign_errors(place)
    if actor.error is not None:
        raise actor.error


def tables_of(store: ObjectStore) -> Tables:
    """Read from the files alone."""
    pages: dict[str, tuple[object, ...]] = {}
    for info in store.list(layout.pages_prefix(BUILD_ID)):
        for row in decode(store.get(info.key), ["id", "status", "text", "reject"]).to_pylist():
            if row["id"] in pages:
                raise Broken(f"row {row['id']} stands in the pages twice")
            pages[row["id"]] = (row["status"], row["text"], tuple(row["reject"]))
    rows = [
        (row["id"], row["text"], tuple(row["page_ends"]), tuple(row["page_indices"]))
        for part in read_version(store, BUILD_ID).parts
        for row in decode(store.get(part.key), ["id", "text", "page_ends", "page_indices"]).to_pylist()
    ]
    return Tables(pages=pages, documents=tuple(rows))


def check(store: ObjectStore, corpus: str, poison: str | None, expected: Tables, found: Tables) -> None:
    """Raises Broken unless the build of `corpus` in the store is whole and says what it says without faults."""
    report = verify(store, BUILD_ID)
    if report.findings or report.num_shards_open or not report.is_published:
        told = "; ".join(str(finding) for finding in report.findings)
        raise Broken(f"verify: {report.num_shards_open} shards open, published {report.is_published}; {told}")
    if found.pages != expected.pages:
        lost, more = expected.pages.keys() - found.pages.keys(), found.pages.keys() - expected.pages.keys()
        raise Broken(f"other pages than without faults: {len(lost)} lost, {len(more)} more, or others changed")
    if [row[0] for row in found.documents] != [row[0] for row in expected.documents]:
        raise Broken("other documents than without faults, or in another order")
    if found.documents != expected.documents:
        raise Broken("documents with other texts than without faults")
    named = {failure.document.uri for receipt in read_manifest(store, BUILD_ID).receipts for failure in receipt.quarantined}
    wanted = {f"{corpus}/{name}" for name in ("cut.pdf", "empty.pdf", "rubbish.pdf", *([poison] if poison else []))}
    if named != wanted:
        raise Broken(f"in quarantine are {sorted(named)} and not {sorted(wanted)}")
