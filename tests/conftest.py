"""Fixtures that every room shares."""

import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="keep screenshots of reports here, to be looked at")


@pytest.fixture(scope="session")
def corpus_dir() -> Path:
    """The shared corpus of real documents beside the checkout; never part of the repository."""
    folder = ROOT.parent / "shared" / "corpus" / "dev"
    if not folder.is_dir():
        pytest.skip("the shared corpus of real documents is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a real S3 server process (moto honours conditional writes) and dummy credentials in the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    environment = pytest.MonkeyPatch()
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    environment.delenv("AWS_PROFILE", raising=False)
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        environment.undo()
        server.kill()
        server.wait()


@pytest.fixture
def s3_bucket(s3_endpoint: str) -> str:
    """Name of a new, empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    with urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint}/{name}", method="PUT")):
        return name


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        if server.poll() is not None:
            raise RuntimeError(f"the S3 server of the tests ended with {server.returncode}; is moto[server] installed?")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the S3 server of the tests did not answer within 60 s")


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray for the whole test session, with its own home (the token lies there) and a short temporary folder."""
    from pipeline.cluster import connect, disconnect
    from pipeline.cluster.start import BASE_BYTES

    environment = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory(prefix="pm", dir="/tmp") as folder:
        environment.setenv("HOME", folder)
        environment.setenv("RAY_TMPDIR", folder)
        connect("local", num_cpus=4, object_store_bytes=BASE_BYTES)
        try:
            yield
        finally:
            disconnect()
            environment.undo()


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """Six PDFs of 1 to 6 pages whose text layer says which page it is."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for num_pages in range(1, 7):
        draw_pdf(folder / f"of_{num_pages}_pages.pdf", [prose_of(num_pages, index) for index in range(num_pages)])
    return folder


def draw_pdf(path: Path, page_texts: list[str]) -> None:
    """One A4 page for each text."""
    import pymupdf

    with pymupdf.open() as pdf:
        for text in page_texts:
            pdf.new_page().insert_textbox(pymupdf.Rect(60, 60, 535, 780), text, fontsize=11)
        pdf.save(path)


SUBJECTS = ["vatman", "coucher", "layman", "miller", "carter", "dyer", "printer", "binder", "rag-picker", "river"]
VERBS = ["dips", "lifts", "presses", "dries", "sorts", "carries", "counts", "folds", "trims", "hangs"]
THINGS = ["mould", "felt", "sheet", "ream", "rope", "vat", "press", "loft", "wheel", "ledger"]
PLACES = [
    "at dawn",
    "by the weir",
    "under the eaves",
    "after the bell",
    "in the long shed",
    "before the frost",
    "near the sluice",
]


def prose_of(document: int, page: int) -> str:
    """Ordinary English, enough for the document rules, different for every page, the same every time."""
    chance = random.Random(document * 1000 + page)
    sentences = [
        f"The {chance.choice(SUBJECTS)} {chance.choice(VERBS)} the {chance.choice(THINGS)} {chance.choice(PLACES)}, and the "
        f"{chance.choice(SUBJECTS)} {chance.choice(VERBS)} another {chance.choice(THINGS)} {chance.choice(PLACES)}."
        for _ in range(12)
    ]
    return f"Page {page} of document {document}. " + " ".join(sentences)
