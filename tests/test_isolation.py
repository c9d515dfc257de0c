"""Rendering tasks that segfault, hang, swell or are killed: each costs a task, and the engine beside them never notices."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.dataset
import pymupdf
import pytest

from pipeline.builds.begin import begin_build
from pipeline.builds.commit import read_receipts
from pipeline.cluster import run_shards, seats
from pipeline.cluster.render_tasks import RENDER_CPUS, RenderTasks, TaskBegun
from pipeline.cluster.worker import Worker
from pipeline.config import BuildConfig, RenderConfig, parse_config
from pipeline.events import Pulse, WorkerOpened
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verify import verify
from pipeline.receipts import Shard, ShardReceipt
from pipeline.records import DocumentFailure, DocumentRef, PageFailure, PageImage, RenderEvent
from pipeline.rendering import render_document
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store
from tests.builds.factory import publish
from tests.conftest import draw_pdf, prose_of
from tests.rendering import crafted
from tests.test_cluster import draw_endless_page

pytestmark = pytest.mark.ray
Fault = Callable[[], None]


def segfault() -> None:
    ctypes.string_at(0)


def overflow_the_stack() -> None:
    """`max` calls back from C, so each level lies on the native stack; Python 3.12 and later stop it with an exception."""
    sys.setrecursionlimit(10**9)

    def deeper(_: int) -> int:
        return max([0], key=deeper)

    deeper(0)


def swell() -> None:
    held = []
    while True:
        held.append(bytearray(50_000_000))


def hang() -> None:
    time.sleep(600)


def deadly_on(name: str, page_index: int, fault: Fault, tries: Path) -> object:
    """A rendering task that meets `fault` in front of one page of one document, and leaves a mark each time."""
    import ray

    def render_one(
        document: DocumentRef, data: bytes, config: RenderConfig, first_page: int
    ) -> Iterator[TaskBegun | RenderEvent]:
        from pipeline.rendering.confinement import confine_process

        yield TaskBegun()
        confine_process(memory_bytes=config.memory_bytes, cpu_s=config.document_deadline_s)
        for event in render_document(document, data, config=config, first_page=first_page):
            is_page = isinstance(event, PageImage | PageFailure)
            if document.uri.endswith(name) and is_page and event.page_id.page_index == page_index:
                (tries / f"{time.monotonic_ns()}").touch()
                fault()
            yield event

    return ray.remote(num_cpus=RENDER_CPUS, max_retries=0)(render_one)


def render(folder: Path, config: RenderConfig) -> list[RenderEvent]:
    import ray

    source = open_source(parse_config({"input": {"uri": str(folder)}, "output": {"uri": "unused"}}).input)
    return list(RenderTasks(config, known=(), node_id=ray.get_runtime_context().get_node_id())(list(source.scan()), source))


@pytest.mark.parametrize(
    ("fault", "reason", "told"),
    [
        (segfault, "crashed", "WorkerCrashedError"),
        (overflow_the_stack, "crashed", "Error"),
        (swell, "crashed", "MemoryError"),
        (hang, "deadline", "took over 3 s to render (render.page_deadline_s)"),
    ],
)
def test_a_deadly_page_is_tried_twice_and_named_and_the_others_are_kept(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, reason: str, told: str
) -> None:
    corpus, tries = tmp_path / "corpus", tmp_path / "tries"
    corpus.mkdir()
    tries.mkdir()
    for name, num_pages in (("before.pdf", 2), ("deadly.pdf", 3), ("other.pdf", 2)):
        draw_pdf(corpus / name, [prose_of(0, index) for index in range(num_pages)])
    monkeypatch.setattr("pipeline.cluster.render_tasks.render_one", deadly_on("deadly.pdf", 1, fault, tries))
    events = render(corpus, RenderConfig(dpi=40, page_deadline_s=3 if fault is hang else 60, memory_bytes=400_000_000))
    assert len(list(tries.iterdir())) == 2, [event for event in events if not isinstance(event, PageImage)]
    (failure,) = [event for event in events if isinstance(event, PageFailure)]
    assert (failure.page_id.page_index, failure.reason) == (1, reason)
    assert told in failure.error
    assert sum(isinstance(event, PageImage) for event in events) == 2 + 2 + 2
    assert not [event for event in events if isinstance(event, DocumentFailure)]


def test_the_start_of_a_process_is_not_taken_for_a_slow_page(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither alone nor while another document is read in the meantime."""
    import ray

    def render_one(
        document: DocumentRef, data: bytes, config: RenderConfig, first_page: int
    ) -> Iterator[TaskBegun | RenderEvent]:
        (starts / f"{time.monotonic_ns()}").touch()
        is_late = document.uri.endswith("late.pdf")
        time.sleep(2.5 if is_late else 0)
        yield TaskBegun()
        for event in render_document(document, data, config=config, first_page=first_page):
            time.sleep(0 if is_late else 0.3)
            yield event

    corpus, starts = tmp_path / "corpus", tmp_path / "starts"
    corpus.mkdir()
    starts.mkdir()
    for name, num_pages in (("late.pdf", 2), ("other.pdf", 5)):
        draw_pdf(corpus / name, [prose_of(0, index) for index in range(num_pages)])
    monkeypatch.setattr("pipeline.cluster.render_tasks.render_one", ray.remote(num_cpus=RENDER_CPUS, max_retries=0)(render_one))
    events = render(corpus, RenderConfig(dpi=40, page_deadline_s=1.5))
    assert len(list(starts.iterdir())) == 2
    assert sorted(type(event).__name__ for event in events) == ["OpenedDocument"] * 2 + ["PageImage"] * 7


def test_a_process_that_never_starts_ends_with_a_reason(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    from pipeline.cluster.render_tasks import render_one

    impossible = ray.remote(num_cpus=10_000, max_retries=0)(render_one._function)
    monkeypatch.setattr("pipeline.cluster.render_tasks.render_one", impossible)
    draw_pdf(tmp_path / "a.pdf", [prose_of(0, 0)])
    (failure,) = render(tmp_path, RenderConfig(dpi=40, document_deadline_s=2))
    assert isinstance(failure, DocumentFailure)
    assert (failure.reason, failure.error) == ("deadline", "no rendering process began within 2 s (render.document_deadline_s)")


def test_a_rendering_process_holds_no_credential_although_its_worker_does(ray_cluster: None, small_corpus: Path) -> None:
    import ray

    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN")

    class Holder:
        def look(self, folder: Path) -> tuple[bool, list[str]]:
            """Whether it holds all, and what a rendering process that it starts tells of its own."""

            def told(document: DocumentRef, data: bytes, config: RenderConfig, first_page: int) -> Iterator[RenderEvent]:
                found = [name for name in names if os.environ.get(name)]
                found += ["/proc"] if b"sesame" in Path("/proc/self/environ").read_bytes() else []
                yield DocumentFailure(document=document, doc_id=None, reason="told", error=",".join(found))

            import pipeline.cluster.render_tasks as tasks

            tasks.render_one = ray.remote(num_cpus=RENDER_CPUS, max_retries=0)(told)  # type: ignore[assignment]
            events = render(folder, RenderConfig())
            return all(os.environ.get(name) == "sesame" for name in names), [getattr(event, "error", "?") for event in events]

    environment = {"env_vars": dict.fromkeys(names, "sesame")}
    holder = ray.remote(Holder).options(num_cpus=0.5, runtime_env=environment).remote()
    holds_all, of_tasks = ray.get(holder.look.remote(small_corpus))
    ray.kill(holder)
    assert holds_all
    assert of_tasks == [""] * 6


def test_a_document_listed_as_too_large_is_not_even_read(ray_cluster: None, small_corpus: Path) -> None:
    events = render(small_corpus, RenderConfig(dpi=40, max_document_bytes=10))
    assert [getattr(event, "reason", "") for event in events] == ["too_large"] * 6


def config_for(corpus: Path, output: Path, **sections: object) -> BuildConfig:
    values = {"input": {"uri": str(corpus)}, "output": {"uri": str(output)}, "engine": {"name": "scripted"}}
    return parse_config({**values, **sections})


def built(config: BuildConfig) -> tuple[ObjectStore, list[ShardReceipt], int]:
    """The store, the receipts and the number of workers lost."""
    store = open_store(config.output)
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0")
    receipts, num_lost = [], 0
    for event in run_shards(list(plan.shards), config, stamp=plan.stamp, store=store, known=()):
        if isinstance(event, Pulse):
            num_lost = event.num_workers_lost
        if isinstance(event, ShardReceipt):
            receipts.append(event)
    return store, receipts, num_lost


def worker_that_marks(opened: Path) -> type[Worker]:
    """A Worker that leaves a mark in `opened` for each engine it opens."""

    class Marking(Worker):
        def open(self) -> WorkerOpened:
            (opened / f"{os.getpid()}_{time.monotonic_ns()}").touch()
            return super().open()

    return Marking


def test_documents_made_to_kill_cost_no_engine_and_no_neighbour(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shard of good and deadly files: one engine, opened once, reads what can be read."""
    corpus, opened = tmp_path / "corpus", tmp_path / "opened"
    corpus.mkdir()
    opened.mkdir()
    monkeypatch.setattr(seats, "Worker", worker_that_marks(opened))
    for number in range(4):
        draw_pdf(corpus / f"{number}_good.pdf", [prose_of(number, index) for index in range(2)])
    with pymupdf.open() as pdf:
        for _ in range(3):
            pdf.new_page().insert_text((72, 72), "a page like any other")
        draw_endless_page(pdf, 1)
        pdf.save(corpus / "1_endless.pdf")
    deadly = {
        "0_bomb.pdf": crafted.bomb_between_good_pages(10),
        "1_million.pdf": crafted.page_tree_of(1_000_000),
        "2_forms.pdf": crafted.forms_in_forms(5_000),
        "2_rubbish.pdf": bytes(range(256)) * 50,
    }
    for name, data in deadly.items():
        (corpus / name).write_bytes(data)
    config = config_for(corpus, tmp_path / "out", render={"dpi": 40, "page_deadline_s": 4, "memory_bytes": 600_000_000})
    store, receipts, num_lost = built(config)
    assert num_lost == 0
    assert len(list(opened.iterdir())) == 1
    publish(store, config)
    assert verify(store, "main").findings == ()
    rows = pyarrow.dataset.dataset(tmp_path / "out" / "pages", format="parquet").to_table().to_pylist()
    by_name: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        by_name.setdefault(Path(row["uri"]).name, []).append((row["page"], row["status"]))
    good = {f"{number}_good.pdf": [(0, "ok"), (1, "ok")] for number in range(4)}
    assert {name: sorted(by_name[name]) for name in good} == good
    assert [status for _, status in sorted(by_name["1_endless.pdf"])] == ["ok", "failed", "ok"]
    assert [status for _, status in sorted(by_name["0_bomb.pdf"])][1] == "failed"
    assert [status for _, status in by_name["2_forms.pdf"]] == ["failed"]
    reasons = {Path(each.document.uri).name: each.reason for receipt in receipts for each in receipt.quarantined}
    assert reasons == {"1_million.pdf": "too_large", "2_rubbish.pdf": "not_a_document"}
    errors = {Path(row["uri"]).name: row["error"] for row in rows if row["status"] == "failed"}
    assert "took over 4 s" in errors["1_endless.pdf"]
    assert "is a decompression bomb" in errors["0_bomb.pdf"]


@pytest.mark.slow
def test_a_document_that_kills_three_workers_is_quarantined_alone(
    ray_cluster: None, small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker itself dies of one document: the shard is split down to it, and every other page has its row."""
    deaths = tmp_path / "deaths"
    deaths.mkdir()

    class Mortal(Worker):
        def build(self, shard: Shard) -> ShardReceipt:
            if any(document.uri.endswith("of_3_pages.pdf") for document in shard.documents):
                (deaths / f"{len(shard.documents)}_{time.monotonic_ns()}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().build(shard)

    monkeypatch.setattr(seats, "Worker", Mortal)
    monkeypatch.setattr(seats, "MAX_BACKOFF_S", 0.2)
    config = config_for(small_corpus, tmp_path / "out", plan={"shard_documents": 2})
    store, _, num_lost = built(config)
    assert num_lost == 6
    assert sorted(path.name[0] for path in deaths.iterdir()) == ["1"] * 3 + ["2"] * 3
    publish(store, config)
    report = verify(store, "main")
    assert report.findings == ()
    (counted,) = report.builds
    assert (counted.num_pages, counted.num_documents_quarantined) == (1 + 2 + 4 + 5 + 6, 1)
    failures = [each for receipt in read_receipts(store, "main").values() for each in receipt.quarantined]
    (failure,) = failures
    assert (Path(failure.document.uri).name, failure.reason, failure.attempts) == ("of_3_pages.pdf", "crashed", 3)
    assert failure.error.startswith("worker lost: ")
