"""Builds submitted to a cluster of two real nodes with a token: watched, drained, gone on with, and through the loss of a node.

The nodes hold an older Pagemill that refuses to be imported, so every test also says that the code that was sent is what runs.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jobs.command_line import DONE, HELD, INCOMPLETE, WRONG_USE, code_version
from pipeline.builds.commit import read_receipts
from pipeline.config import StoreConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.verify import verify
from pipeline.publishing.versions import find_version
from pipeline.store import open_store
from pipeline.tables.footer import head_of
from tests.cluster.line import Line
from tests.cluster.nodes import Cluster
from tests.conftest import ROOT, draw_pdf, prose_of

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.s3, pytest.mark.timeout(600)]
NUM_DOCUMENTS, NUM_PAGES_EACH = 10, 3
NUM_PAGES = NUM_DOCUMENTS * NUM_PAGES_EACH
WAIT_S = 150.0
ENGINE = "engine: {name: scripted, workers: 2, gpus: 1, seconds_per_page: 0.7}\nplan: {shard_documents: 1}\nrender: {dpi: 30}\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="pmn", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.join(num_gpus=2)
            yield cluster
        finally:
            cluster.close()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(NUM_DOCUMENTS):
        draw_pdf(folder / f"{number}.pdf", [prose_of(number, index) for index in range(NUM_PAGES_EACH)])
    return folder


def start(cluster: Cluster, *argv: str, **variables: str) -> subprocess.Popen[str]:
    """A command of somebody who knows the token, in a folder where nothing is."""
    return subprocess.Popen(
        [sys.executable, "-m", "jobs.pagemill", *argv],
        cwd=tempfile.gettempdir(),
        env={**cluster.client(**variables), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(cluster: Cluster, *argv: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, output, complaints."""
    command = start(cluster, *argv, **variables)
    said, complained = command.communicate(timeout=WAIT_S)
    return command.returncode, said, complained


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def committed(store: ObjectStore) -> dict[str, str]:
    """Versions of the pages files by key."""
    return {info.key: info.version for info in store.list("pages/")}


def assert_whole(store: ObjectStore, build_id: str) -> None:
    report = verify(store, build_id)
    assert report.findings == ()
    assert sum(receipt.num_rows for receipt in read_receipts(store, build_id).values()) == NUM_PAGES


def test_a_build_goes_on_when_its_worker_node_is_lost_and_ends_on_another(
    cluster: Cluster, corpus: Path, tmp_path: Path, s3_endpoint: str, s3_bucket: str
) -> None:
    """From a bucket into a bucket, followed over a line that is cut."""
    where = f"endpoint_url: '{s3_endpoint}', region: us-east-1"
    config = tmp_path / "config.yaml"
    config.write_text(
        f"build_id: main\n{ENGINE}"
        f"input: {{uri: 's3://{s3_bucket}/corpus', {where}}}\noutput: {{uri: 's3://{s3_bucket}/books', {where}}}\n"
    )
    source = open_store(StoreConfig(uri=f"s3://{s3_bucket}/corpus", endpoint_url=s3_endpoint))
    for path in corpus.iterdir():
        source.put(path.name, path.read_bytes())
    store = open_store(StoreConfig(uri=f"s3://{s3_bucket}/books", endpoint_url=s3_endpoint))
    worker = cluster.nodes[1]
    line = Line(int(urlsplit(cluster.address).port or 0))
    following = start(cluster, "submit", str(config), "--address", f"http://127.0.0.1:{line.port}")
    try:
        wait_until(lambda: len(committed(store)) >= 2)
        code, said, _ = run(cluster, "status", str(config), "--address", cluster.address, **credentials())
        assert code == INCOMPLETE
        assert re.search(r"2 nodes, 6 CPUs, 2 GPUs\njob +books-[0-9a-f]{8}\.main\.1 running since", said)
        line.cut()
        cluster.lose(worker)
        cluster.join(num_gpus=2)
        said, complained = following.communicate(timeout=WAIT_S)
    finally:
        line.close()
        following.kill()
    assert following.returncode == DONE, complained
    assert line.num_cut >= 1
    assert "connecting again" in complained
    assert said.count("Running entrypoint") == 1
    assert f"{NUM_DOCUMENTS} of {NUM_DOCUMENTS} accounted for" in said
    assert_whole(store, "main")
    footers = {head_of(store.get(key)).stamp.code_version for key in committed(store)}
    assert footers == {code_version()}


def credentials() -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}


def test_a_night_is_submitted_once_drained_and_gone_on_with(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "nightly.yaml"
    config.write_text(f"{ENGINE}input: {{uri: {corpus}}}\noutput: {{uri: {tmp_path / 'out'}}}\n")
    night = ("submit", "nightly", str(config), "--date", "2026-11-26", "--address", cluster.address)
    store = open_store(StoreConfig(uri=str(tmp_path / "out")))
    code, _, complained = run(cluster, *night, "--set", "engine.seconds_per_page=4", "--no-follow")
    assert code == DONE, complained
    wait_until(lambda: bool(committed(store)))

    code, _, complained = run(cluster, *night)
    assert code == HELD
    assert ".2026-11-26.1 is running since" in complained
    forced = subprocess.run(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--submission-id", "forced", "--working-dir", "."),
            *("--", "python", "-m", "jobs.nightly", str(config), "--date", "2026-11-26"),
        ],
        cwd=copied_code(tmp_path),
        env=cluster.client(RAY_API_SERVER_ADDRESS=cluster.address),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert forced.returncode != 0
    assert "another driver" in forced.stdout
    assert "exit code 3" in forced.stdout + forced.stderr

    code, _, complained = run(
        cluster, "stop", str(config), "--build-id", "2026-11-26", "--address", cluster.address, "--within", "60"
    )
    assert code == DONE, complained
    assert "ended with exit code 1" in complained
    drained = committed(store)
    report = verify(store, "2026-11-26")
    assert report.num_shards_open >= 1
    assert [finding.kind for finding in report.findings] == []

    code, said, complained = run(cluster, *night)
    assert code == DONE, said + complained
    assert f"{NUM_DOCUMENTS - len(drained)} to do" in said
    after = committed(store)
    assert {key: after[key] for key in drained} == drained
    assert len(after) == NUM_DOCUMENTS
    assert_whole(store, "2026-11-26")

    code, _, complained = run(cluster, *night)
    assert code == DONE
    assert ".2026-11-26.2 has done this" in complained

    other_rules = ("--build-id", "2026-11-26", "--set", "rules.documents.min_letters=1", "--version", "again")
    code, said, complained = run(cluster, "submit", "publish", str(config), *other_rules, "--address", cluster.address)
    assert code == DONE, said + complained
    assert find_version(store, "again") is not None, said


def copied_code(tmp_path: Path) -> Path:
    """What `--working-dir .` sends from a checkout, without the checkout's samples and environment."""
    folder = tmp_path / "checkout"
    for package in ("pipeline", "jobs"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_a_log_that_is_quiet_is_asked_for_again_and_nothing_is_shown_twice(
    cluster: Cluster, corpus: Path, tmp_path: Path
) -> None:
    """A build says something every 5 s; here its reader is patient for 3 s."""
    config = tmp_path / "config.yaml"
    config.write_text(f"build_id: quiet\n{ENGINE}input: {{uri: {corpus}}}\noutput: {{uri: {tmp_path / 'out'}}}\n")
    impatient = (
        "import sys, pipeline.cluster.jobs as j; j.QUIET_S = 3.0; from jobs import submit; sys.exit(submit.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", impatient, str(config), "--address", cluster.address],
        env={**cluster.client(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == DONE, done.stderr
    lines = done.stdout.splitlines()
    assert sum("Running entrypoint" in line for line in lines) == 1
    told_at = [line.split()[0] for line in lines if "pages/s  kept" in line]
    assert len(told_at) == len(set(told_at)) >= 2
    assert "accounted for" in done.stdout
    assert "connecting again" not in done.stderr


def test_a_build_that_is_not_drained_in_time_is_stopped_by_ray(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "slow.yaml"
    slow = ENGINE.replace("0.7", "60")
    config.write_text(f"build_id: slow\n{slow}input: {{uri: {corpus}}}\noutput: {{uri: {tmp_path / 'out'}}}\n")
    code, _, complained = run(cluster, "submit", str(config), "--address", cluster.address, "--no-follow")
    assert code == DONE, complained
    wait_until(lambda: (tmp_path / "out" / "_builds" / "slow" / "plan.parquet").is_file())
    code, _, complained = run(cluster, "stop", str(config), "--address", cluster.address, "--within", "6")
    assert code == DONE
    assert "abandoned whole" in complained
    assert re.search(r"slow\.1 stopped; what is committed stays", complained)
    assert committed(open_store(StoreConfig(uri=str(tmp_path / "out")))) == {}


def test_three_who_submit_at_once_start_one_job(cluster: Cluster, corpus: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"build_id: race\n{ENGINE}input: {{uri: {corpus}}}\noutput: {{uri: {tmp_path / 'out'}}}\n")
    submitters = [start(cluster, "submit", str(config), "--address", cluster.address, "--no-follow") for _ in range(3)]
    for each in submitters:
        each.communicate(timeout=WAIT_S)
    assert sorted(each.returncode for each in submitters) == [DONE, HELD, HELD]
    run(cluster, "stop", str(config), "--address", cluster.address, "--within", "0")


@pytest.mark.parametrize("token", ["", "another"])
def test_who_has_not_the_token_is_told_what_to_set(cluster: Cluster, tmp_path: Path, token: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"{ENGINE}input: {{uri: s3://corpus}}\noutput: {{uri: s3://books}}\n")
    variables = {"RAY_AUTH_TOKEN": token, "RAY_AUTH_MODE": "token" if token else "disabled"}
    code, _, complained = run(cluster, "submit", str(config), "--address", cluster.address, **variables)
    assert code == WRONG_USE
    assert complained.startswith("pagemill: the Ray cluster at ")
    assert "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" in complained
    assert complained.count("\n") == 1
    assert cluster.token not in complained


def test_a_job_whose_config_is_wrong_ends_the_submission_with_its_exit_code(cluster: Cluster, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"build_id: main\n{ENGINE}input: {{uri: /nowhere}}\noutput: {{uri: {tmp_path / 'out'}}}\n")
    elsewhere = {"RAY_API_SERVER_ADDRESS": "http://127.0.0.1:9"}  # the address that is given wins
    code, said, _ = run(cluster, "submit", str(config), "--address", cluster.address, **elsewhere)
    assert code == WRONG_USE
    assert "the input /nowhere does not exist" in said
