"""The same factory over real Ray: lose a renderer, a worker or the driver, and lose no page and double none."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.dataset
import pymupdf
import pytest

from pipeline.builds.begin import begin_build
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.builds.hash_set import HashSet
from pipeline.builds.status import summed
from pipeline.cluster import run_shards
from pipeline.cluster.render_tasks import RenderTasks
from pipeline.config import BuildConfig, RenderConfig, StoreConfig, load_config, parse_config
from pipeline.errors import ConfigError
from pipeline.events import Pulse, ShardGiven, ShardReturned, WorkerLost, WorkerOpened
from pipeline.publishing.verify import verify
from pipeline.receipts import ShardReceipt
from pipeline.records import DocumentFailure, OpenedDocument, PageFailure, PageImage, RenderEvent
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store
from tests.builds.factory import publish
from tests.conftest import ROOT, draw_pdf, prose_of

pytestmark = pytest.mark.ray
NUM_PAGES = 1 + 2 + 3 + 4 + 5 + 6


def config_for(corpus: Path, output: Path, **engine: object) -> BuildConfig:
    return parse_config(
        {
            "input": {"uri": str(corpus)},
            "output": {"uri": str(output)},
            "engine": {"name": "scripted", **engine},
            "plan": {"shard_documents": 2},
        }
    )


def processes_named(part: str) -> list[int]:
    """Of this test session alone: another cluster on the machine is none of ours."""
    titles: dict[int, str] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            titles[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue

    def is_ours(pid: int) -> bool:
        while pid > 1:
            if pid == os.getpid():
                return True
            pid = parents.get(pid, 0)
        return False

    return [pid for pid, title in titles.items() if part in title and is_ours(pid)]


def render_all(folder: Path, config: RenderConfig) -> Iterator[RenderEvent]:
    import ray

    source = open_source(parse_config({"input": {"uri": str(folder)}, "output": {"uri": "unused"}}).input)
    tasks = RenderTasks(config, known=(), node_id=ray.get_runtime_context().get_node_id())
    return tasks(list(source.scan()), source)


def test_rendering_tasks_give_every_page_of_every_document(ray_cluster: None, small_corpus: Path) -> None:
    events = list(render_all(small_corpus, RenderConfig(dpi=40)))
    assert sum(isinstance(event, OpenedDocument) for event in events) == 6
    pages = [event.page_id for event in events if isinstance(event, PageImage)]
    assert len(pages) == len(set(pages)) == NUM_PAGES


def test_a_renderer_killed_on_a_page_is_started_again_there_and_no_page_is_lost(ray_cluster: None, tmp_path: Path) -> None:
    draw_pdf(tmp_path / "long.pdf", [prose_of(0, index) for index in range(40)])
    pages = []
    for event in render_all(tmp_path, RenderConfig(dpi=40, window_pages=2)):
        if isinstance(event, PageImage):
            pages.append(event.page_id.page_index)
            if len(pages) == 5:
                victims = processes_named("ray::render_one")
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
        else:
            assert isinstance(event, OpenedDocument)
    assert victims
    assert pages == list(range(40))


def draw_endless_page(pdf: pymupdf.Document, page_index: int) -> None:
    """Ten forms, each drawing the next one ten times: ten thousand million squares in a kilobyte."""
    xrefs = [pdf.get_new_xref() for _ in range(10)]
    for form, inner in zip(xrefs, [*xrefs[1:], 0], strict=True):
        resources = f"/Resources<</XObject<</X {inner} 0 R>>>>" if inner else ""
        pdf.update_object(form, f"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]{resources}>>")
        pdf.update_stream(form, b"/X Do " * 10 if inner else b"0 0 9 9 re f ")
    page = pdf[page_index]
    pdf.xref_set_key(page.xref, "Resources", f"<</XObject<</X {xrefs[0]} 0 R>>>>")
    contents = pdf.get_new_xref()
    pdf.update_object(contents, "<<>>")
    pdf.update_stream(contents, b"/X Do")
    page.set_contents(contents)


@pytest.mark.parametrize("endless", [0, 1])
def test_a_page_that_takes_too_long_twice_is_named_and_its_neighbours_are_kept(
    ray_cluster: None, tmp_path: Path, endless: int
) -> None:
    with pymupdf.open() as pdf:
        for _ in range(3):
            pdf.new_page().insert_text((72, 72), "a page like any other")
        draw_endless_page(pdf, endless)
        pdf.save(tmp_path / "slow.pdf")
    events = list(render_all(tmp_path, RenderConfig(dpi=40, page_deadline_s=4)))
    assert sum(isinstance(event, OpenedDocument) for event in events) == 1
    assert {event.page_id.page_index for event in events if isinstance(event, PageImage)} == {0, 1, 2} - {endless}
    failures = [event for event in events if isinstance(event, PageFailure)]
    assert [(failure.page_id.page_index, failure.reason) for failure in failures] == [(endless, "deadline")]


def test_a_document_that_is_gone_is_named(ray_cluster: None, small_corpus: Path) -> None:
    source = open_source(config_for(small_corpus, small_corpus / "out").input)
    documents = list(source.scan())
    (small_corpus / "of_3_pages.pdf").unlink()
    import ray

    events = list(
        RenderTasks(RenderConfig(dpi=40), known=(), node_id=ray.get_runtime_context().get_node_id())(documents, source)
    )
    failures = [event for event in events if isinstance(event, DocumentFailure)]
    assert [(Path(failure.document.uri).name, failure.reason) for failure in failures] == [("of_3_pages.pdf", "missing")]
    assert sum(isinstance(event, PageImage) for event in events) == NUM_PAGES - 3


def test_a_worker_killed_in_mid_shard_is_replaced_and_every_page_has_one_row(
    ray_cluster: None, small_corpus: Path, tmp_path: Path
) -> None:
    config = config_for(small_corpus, tmp_path / "out", workers=2, seconds_per_page=0.15)
    store = open_store(config.output)
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0")
    killed = False
    lost = 0
    receipts = []
    others = []
    for event in run_shards(list(plan.shards), config, stamp=plan.stamp, store=store, known=()):
        if isinstance(event, ShardReceipt):
            receipts.append(event)
        elif not isinstance(event, Pulse):
            others.append(event)
        if isinstance(event, Pulse):
            lost = event.num_workers_lost
            if event.num_pages_read >= 3 and not killed:
                killed = True
                for pid in processes_named("ray::Worker"):  # one of them may have nothing in work
                    os.kill(pid, signal.SIGKILL)
    assert killed
    assert lost >= 1
    assert sum(receipt.num_rows for receipt in receipts) == NUM_PAGES
    losses = [event for event in others if isinstance(event, WorkerLost)]
    returned = [event for event in others if isinstance(event, ShardReturned)]
    assert len(losses) == lost
    assert {event.shard_id for event in returned} == {shard_id for loss in losses for shard_id in loss.shard_ids}
    given = Counter(event.shard_id for event in others if isinstance(event, ShardGiven))
    back = Counter(event.shard_id for event in returned)
    assert {shard_id: number - back[shard_id] for shard_id, number in given.items()} == {r.shard_id: 1 for r in receipts}
    assert {event.worker for event in others if isinstance(event, WorkerOpened)} >= {receipt.worker for receipt in receipts}
    publish(store, config)
    assert verify(store, config.build_id).findings == ()


def test_workers_that_drain_commit_what_they_have_in_work_and_take_no_more(
    ray_cluster: None, small_corpus: Path, tmp_path: Path
) -> None:
    config = config_for(small_corpus, tmp_path / "out", workers=1, seconds_per_page=0.2)
    config = config.model_copy(update={"plan": config.plan.model_copy(update={"shard_documents": 1})})
    store = open_store(config.output)
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0")
    num_in_work_when_asked = 0
    receipts: list[ShardReceipt] = []
    events = run_shards(
        plan.shards, config, stamp=plan.stamp, store=store, known=(), is_draining=lambda: num_in_work_when_asked > 0
    )
    for event in events:
        if isinstance(event, ShardReceipt):
            receipts.append(event)
        if isinstance(event, Pulse) and event.num_pages_read and not num_in_work_when_asked:
            num_in_work_when_asked = event.num_shards_in_work
            num_before = len(receipts)
    assert num_in_work_when_asked == 2
    assert len(receipts) == num_before + num_in_work_when_asked < len(plan.shards)
    assert len(open_shards(plan, read_receipts(store, config.build_id))) == len(plan.shards) - len(receipts)
    assert verify(store, config.build_id).findings == ()


@pytest.mark.parametrize("gone", ["input", "output"])
def test_a_folder_that_a_worker_does_not_see_ends_the_build_before_a_page_is_read(
    ray_cluster: None, small_corpus: Path, tmp_path: Path, gone: str
) -> None:
    """As on a node that does not mount it: every document would be missing, or the pages would lie where nobody looks."""
    config = config_for(small_corpus, tmp_path / "out")
    store = open_store(config.output)
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0")
    folder = getattr(config, gone)
    elsewhere = config.model_copy(update={gone: folder.model_copy(update={"uri": str(tmp_path / "elsewhere")})})
    with pytest.raises(ConfigError, match=r"does not see .*elsewhere as the driver's node does"):
        list(run_shards(plan.shards, elsewhere, stamp=plan.stamp, store=store, known=()))


def test_documents_whose_bytes_are_known_are_not_rendered_by_any_worker(
    ray_cluster: None, small_corpus: Path, tmp_path: Path
) -> None:
    config = config_for(small_corpus, tmp_path / "out")
    store = open_store(config.output)
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0")
    names = ("of_3_pages.pdf", "of_6_pages.pdf")
    known = HashSet(hashlib.sha256((small_corpus / name).read_bytes()).hexdigest() for name in names)
    for _ in run_shards(list(plan.shards), config, stamp=plan.stamp, store=store, known=known):
        pass
    receipts = read_receipts(store, config.build_id).values()
    assert (sum(r.num_known for r in receipts), sum(r.num_documents for r in receipts)) == (2, 4)
    assert sum(r.num_rows for r in receipts) == NUM_PAGES - 3 - 6
    found = verify(store, config.build_id)
    assert ([each.num_documents_known for each in found.builds], found.findings) == ([2], ())


def test_pages_that_a_worker_reads_badly_climb_its_ladder_and_the_table_tells_how(
    ray_cluster: None, small_corpus: Path, tmp_path: Path
) -> None:
    config = parse_config(
        {
            **config_for(small_corpus, tmp_path / "out", loop_every=3, truncate_every=3).model_dump(mode="json"),
            "ladder": [
                {"kind": "reread", "name": "wider", "ngram_window": 300, "when": ["loop", "truncated"]},
                {"kind": "turn", "name": "turned", "when": ["truncated"]},
                {"kind": "text_layer", "name": "layer"},
            ],
        }
    )
    store = open_store(config.output)
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0")
    for _ in run_shards(list(plan.shards), config, stamp=plan.stamp, store=store, known=()):
        pass
    publish(store, config)
    assert verify(store, config.build_id).findings == ()
    rows = pyarrow.dataset.dataset(tmp_path / "out" / "pages", format="parquet").to_table().to_pylist()
    assert len(rows) == NUM_PAGES
    assert all(row["status"] == "ok" and row["reject"] == [] for row in rows)
    climbed = [row for row in rows if row["rung"] != "first"]
    assert {"wider", "layer"} <= {row["rung"] for row in climbed}
    for row in climbed:
        assert row["attempts"][0]["rung"] == "first"
        assert set(row["attempts"][0]["reasons"]) & {"loop", "truncated"}
        assert (row["source"] == "text_layer") == (row["rung"] == "layer")
    by_rung = summed(receipt.pages_by_rung for receipt in read_receipts(store, config.build_id).values())
    assert by_rung == dict(sorted(Counter(row["rung"] for row in rows).items()))


def pagemill(*argv: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "jobs.pagemill", *argv],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "RAY_TMPDIR": str(home), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_driver_killed_in_the_middle_loses_nothing_and_the_next_run_redoes_nothing(
    small_corpus: Path, tmp_path: Path
) -> None:
    home = Path(f"/tmp/pm{os.getpid()}")
    home.mkdir()
    output = tmp_path / "out"
    config = tmp_path / "config.yaml"
    config.write_text("engine: {name: scripted, seconds_per_page: 0.3}\nplan: {shard_documents: 1}\n")
    argv = ("build", str(config), "--input", str(small_corpus), "--output", str(output))
    first = pagemill(*argv, home=home)
    deadline_s = time.monotonic() + 120
    while not list(output.glob("pages/*/*.parquet")) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    store = open_store(config_for(small_corpus, output).output)
    committed = {info.key: info.version for info in store.list("pages/")}
    assert 1 <= len(committed) < 6

    second = pagemill(*argv, home=home)
    said, complained = second.communicate(timeout=200)
    assert second.returncode == 0, complained
    assert "6 of 6 accounted for" in said
    after = {info.key: info.version for info in store.list("pages/")}
    assert {key: after[key] for key in committed} == committed
    assert len(after) == 6
    assert verify(store, "main").findings == ()

    third = pagemill(*argv, home=home)
    said, complained = third.communicate(timeout=100)
    assert third.returncode == 0, complained
    assert "0 to do" in complained
    assert {info.key: info.version for info in store.list("pages/")} == after
    assert (
        open_shards(
            begin_build(store, config_for(small_corpus, output), lambda: (), code_version="0"), read_receipts(store, "main")
        )
        == []
    )


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_a_build_that_is_told_to_stop_says_so_and_leaves_whole_shards_only(
    small_corpus: Path, tmp_path: Path, signum: signal.Signals
) -> None:
    home = Path(f"/tmp/pmt{os.getpid()}{signum.value}")
    home.mkdir()
    output = tmp_path / "out"
    config = tmp_path / "config.yaml"
    config.write_text("engine: {name: scripted, seconds_per_page: 0.5}\nplan: {shard_documents: 1}\n")
    build = pagemill("build", str(config), "--input", str(small_corpus), "--output", str(output), home=home)
    deadline_s = time.monotonic() + 120
    while not list(output.glob("pages/*/*.parquet")) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    build.send_signal(signum)
    _, complained = build.communicate(timeout=60)
    assert build.returncode == 1
    assert "interrupted; what is committed stays, the same command goes on from there" in complained
    report = verify(open_store(config_for(small_corpus, output).output), "main")
    assert report.num_shards_open >= 1
    assert [finding.kind for finding in report.findings] == []


@pytest.mark.s3
def test_documents_travel_from_one_bucket_into_another(
    small_corpus: Path, tmp_path: Path, s3_endpoint: str, s3_bucket: str
) -> None:
    """Archive members of one base name stay two documents, the same bytes under two names are read once."""
    packed = tmp_path / "packed.tar"
    with tarfile.open(packed, "w") as tar:
        tar.add(small_corpus / "of_2_pages.pdf", "left/same_name.pdf")
        tar.add(small_corpus / "of_3_pages.pdf", "right/same_name.pdf")
    shutil.copy(small_corpus / "of_4_pages.pdf", small_corpus / "twin.pdf")
    (small_corpus / "rubbish.pdf").write_bytes(b"this is no PDF")
    endpoint = {"endpoint_url": s3_endpoint}
    corpus = open_store(StoreConfig(uri=f"s3://{s3_bucket}/corpus", **endpoint))
    for path in (packed, *(small_corpus / name for name in ("of_1_pages.pdf", "of_4_pages.pdf", "twin.pdf", "rubbish.pdf"))):
        corpus.put(path.name, path.read_bytes())
    with urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint}/{s3_bucket}-out", method="PUT")):
        pass
    config = tmp_path / "config.yaml"
    config.write_text(
        "engine: {name: scripted, workers: 2}\nplan: {shard_documents: 2}\n"
        f"input: {{uri: 's3://{s3_bucket}/corpus', endpoint_url: '{s3_endpoint}'}}\n"
        f"output: {{uri: 's3://{s3_bucket}-out/books', endpoint_url: '{s3_endpoint}'}}\n"
    )
    home = Path(f"/tmp/pms{os.getpid()}")
    home.mkdir()
    build = pagemill("build", str(config), home=home)
    said, complained = build.communicate(timeout=200)
    assert build.returncode == 0, complained
    assert "5 of 5 accounted for" in said
    assert "not_a_document" in said
    store = open_store(StoreConfig(uri=f"s3://{s3_bucket}-out/books", **endpoint))
    report = verify(store, "main")
    assert report.findings == ()
    (found,) = report.builds
    assert (found.num_pages, found.num_documents_opened, found.num_documents_quarantined) == (1 + 2 + 3 + 4, 4, 1)
    planned = begin_build(store, load_config(config), lambda: (), code_version="0").documents
    assert sorted(len(document.aliases) for document in planned) == [0, 0, 0, 0, 1]
