"""`pagemill build` with the headline engine: real Ray, real vLLM, a real bucket layout, and a vLLM that is killed on the way."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.dataset as ds
import pymupdf
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 420.0
NUM_DOCUMENTS, PAGES_EACH = 6, 4


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six documents of four pages, one of them blank."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(NUM_DOCUMENTS):
        with pymupdf.open() as document:
            for page_index in range(PAGES_EACH):
                page = document.new_page(width=400, height=560)
                for line in range(30 if page_index < PAGES_EACH - 1 else 0):
                    page.insert_text((40, 40 + 16 * line), f"Line {line} of page {page_index} in paper {number}: water and wheel.")
            document.save(folder / f"paper{number}.pdf")
    return folder


@pytest.fixture
def config_path(tmp_path: Path, corpus: Path, deepseek_model_dir: Path) -> Path:
    values = {
        "input": {"uri": str(corpus)},
        "output": {"uri": str(tmp_path / "out")},
        "render": {"dpi": 144, "channels": "rgb"},
        "engine": {
            "name": "deepseek-ocr",
            "model": str(deepseek_model_dir),
            "gpus": 0,
            "cpus": 1,
            "max_model_tokens": 1400,
            "max_output_tokens": 60,
            "serving": {"enforce_eager": True, "max_num_seqs": 8, "max_batched_tokens": 2048, "max_pages_in_flight": 8},
        },
        "ladder": [
            {"name": "larger_mode", "kind": "reread", "when": ["truncated", "overfull"], "mode": "larger"},
            {"name": "plain", "kind": "reread", "prompt": "plain"},
            {"name": "text_layer", "kind": "text_layer"},
        ],
        "plan": {"shard_documents": 1},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def pagemill(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_CPU_KVCACHE_SPACE"):
        environment.pop(name, None)  # the worker must set what it needs
    command = [sys.executable, "-m", "jobs.pagemill", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def engine_cores(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    return [child for child in psutil.Process(driver.pid).children(recursive=True) if "EngineCore" in " ".join(child.cmdline())]


def test_a_build_survives_the_loss_of_its_engine_and_every_page_has_a_row(config_path: Path, tmp_path: Path) -> None:
    build = pagemill("build", str(config_path))
    receipts = tmp_path / "out" / "_builds" / "main" / "receipts"
    deadline_s = time.monotonic() + TIMEOUT_S
    while not list(receipts.glob("*.json")) and build.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.1)
    lost = engine_cores(build)
    assert lost, build.communicate()[0] if build.poll() is not None else "no engine was running when the first receipt came"
    lost[0].kill()
    output, _ = build.communicate(timeout=TIMEOUT_S)
    assert build.returncode == 0, output
    assert not psutil.pid_exists(lost[0].pid)

    rows = ds.dataset(tmp_path / "out" / "pages", format="parquet").to_table().to_pylist()
    assert len(rows) == NUM_DOCUMENTS * PAGES_EACH
    read = [row for row in rows if row["status"] != "blank"]
    assert len(read) == NUM_DOCUMENTS * (PAGES_EACH - 1)
    assert all(row["rung"] and row["engine"] in ("deepseek-ocr", "text_layer") for row in read)
    generated = [row for row in read if row["engine"] == "deepseek-ocr"]
    assert all(row["mode"] and row["vision_tokens"] and row["compression"] is not None for row in generated)
    climbed = [row for row in read if row["attempts"]]
    assert climbed
    assert all(attempt["reasons"] for row in climbed for attempt in row["attempts"])
    verify = pagemill("verify", str(config_path))
    assert verify.communicate(timeout=120)[0]
    assert verify.returncode == 0
