"""The GPU bench without vLLM: the numbers of the full architecture, the made-up tokenizer, pages, rates and sections."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs import bench_gpu
from jobs.bench_gpu_engine import EnginePlan, EngineRun, _turns, steady_rate
from jobs.bench_gpu_factory import run_of
from jobs.bench_gpu_front import FrontCost, StepCost
from jobs.bench_gpu_model import FULL, SPECIAL_IDS, TINY, byte_letters, vocabulary_of, write_model
from jobs.bench_gpu_pages import read_pages, repeated, write_page
from jobs.bench_gpu_report import engine_lines, factory_lines, front_lines
from pipeline.errors import ConfigError
from pipeline.receipts import ShardReceipt, ShardTimes
from pipeline.records import PageImage
from tests.conftest import draw_pdf, prose_of


def test_both_sizes_have_vllms_keys_and_a_projector_that_fits(tmp_path: Path) -> None:
    for name, sizes in {"full": FULL, "tiny": TINY}.items():
        config = json.loads((write_model(tmp_path / name, sizes) / "config.json").read_text())
        assert config["model_type"] == "deepseek_vl_v2"
        assert config["language_config"]["use_mla"] is False
        assert config["projector_config"]["n_embed"] == config["language_config"]["hidden_size"]


@pytest.mark.parametrize("size", [FULL.vocab_size, TINY.vocab_size])
def test_a_vocabulary_names_every_id_once(size: int) -> None:
    vocabulary = vocabulary_of(size)
    assert sorted(vocabulary.values()) == list(range(size))
    assert set(byte_letters()) | set(SPECIAL_IDS) <= vocabulary.keys()
    assert (vocabulary["<｜begin▁of▁sentence｜>"], vocabulary["<｜end▁of▁sentence｜>"]) == (0, 1)


def test_table_cells_and_the_image_have_their_published_ids() -> None:
    vocabulary = vocabulary_of(FULL.vocab_size)
    assert [vocabulary[token] for token in ("<image>", "<td>", "</td>")] == [128815, 128821, 128822]


def test_a_vocabulary_too_small_for_bytes_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot hold"):
        vocabulary_of(200)


def test_a_page_written_for_a_bare_machine_is_the_same_page_there(tmp_path: Path) -> None:
    draw_pdf(tmp_path / "book.pdf", [prose_of(1, 0), prose_of(1, 1)])
    assert bench_gpu.main(["pages", str(tmp_path), "--to", str(tmp_path / "images"), "--per-document", "2"]) == 0
    drawn = read_pages(tmp_path, at_most=2, per_document=2)
    carried = read_pages(tmp_path / "images", at_most=9, per_document=1)
    assert len(carried) == 2
    for before, after in zip(drawn, carried, strict=True):
        assert np.array_equal(before.pixels_HWC, after.pixels_HWC)
        assert before.facts.layer_text == after.facts.layer_text
        assert before.facts.width_pt == pytest.approx(after.facts.width_pt, abs=0.5)


def test_repeated_pages_have_identities_of_their_own(tmp_path: Path) -> None:
    write_page(black_page(tmp_path), tmp_path)
    pages = read_pages(tmp_path, at_most=5, per_document=1)
    assert len({page.page_id for page in repeated(pages, 7, "bench")}) == 7


def black_page(folder: Path) -> PageImage:
    Image.new("RGB", (60, 80), "white").save(folder / "seed.png")
    (page,) = read_pages(folder, at_most=1, per_document=1)
    return replace(page, pixels_HWC=np.zeros((80, 60, 3), np.uint8))


def test_a_folder_without_pages_and_an_unknown_mode_are_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_gpu.main(["engine", "--pages", str(tmp_path)]) == 2
    assert "holds no page" in capsys.readouterr().err
    assert bench_gpu.main(["engine", "--pages", str(tmp_path), "--modes", "gundam,huge"]) == 2
    assert "unknown: huge" in capsys.readouterr().err
    assert bench_gpu.main(["engine", "--pages", str(tmp_path), "--in-flight", "many"]) == 2


def test_each_round_takes_every_case_once_and_begins_elsewhere() -> None:
    plan = EnginePlan(
        modes=("tiny", "gundam", "auto"), windows_pages=(2, 4), ngrams=("ours",), rounds=3, windows_per_run=3, stop_after_s=1
    )
    turns = list(_turns(plan))
    assert len(set(turns)) == len(turns) == 3 * 2 * 3
    assert {turns[6 * round_index][2] for round_index in range(3)} == set(plan.modes)


def test_a_steady_rate_leaves_out_the_first_and_the_last_window() -> None:
    evenly = [0.5 * page for page in range(12)]
    slow_start = [time_s - 30.0 if page == 0 else time_s for page, time_s in enumerate(evenly)]
    assert steady_rate(evenly, 2) == steady_rate(slow_start, 2) == pytest.approx(2.0)
    assert steady_rate(evenly, 5) is None


def engine_run(round_index: int, seconds: float, **changes: object) -> EngineRun:
    run = EngineRun(
        round_index=round_index,
        ngram="ours",
        mode="gundam",
        window_pages=8,
        num_pages=100,
        num_failed=0,
        first_error="",
        seconds=seconds,
        steady_pages_per_s=None,
        vision_tokens=90_300,
        output_tokens=105_000,
        prepare_s=1.0,
        process_s=2.0,
        queue_s=3.0,
        prefill_s=4.0,
        decode_s=10.0,
        num_preempted=0,
        front_cores=0.5,
        pages_by_mode={"gundam": 100},
        gpu_used_mib=None,
    )
    return replace(run, **changes)


def row_of(lines: list[str], first_cell: str) -> list[str]:
    (row,) = (cells for line in lines if (cells := [c.strip() for c in line.split("|")])[1:2] == [first_cell])
    return row[1:-1]


def test_rounds_of_one_case_become_one_row_of_medians() -> None:
    lines = engine_lines([engine_run(index, seconds) for index, seconds in enumerate((10.0, 20.0, 50.0))], about="x")
    row = row_of(lines, "ours")
    assert row[3:8] == ["3", "100", "5.00 (2.00-10.00)", "-", "432,000"]
    assert row[9:11] == ["903", "5% / 10% / 15% / 20% / 50%"]


def test_pages_that_failed_are_said_and_their_error() -> None:
    lines = engine_lines([engine_run(0, 10.0, num_failed=3, first_error="out of memory")], about="x")
    assert "**3 pages failed**, the first with: out of memory" in lines


def test_cores_for_one_gpu_are_the_sum_of_all_steps() -> None:
    step = StepCost(seconds=(0.010, 0.030))
    cost = FrontCost(render=step, prepare={"base": step}, process={"base": StepCost(seconds=(0.060,))})
    assert cost.page_ms("base") == pytest.approx(100.0)
    assert cost.cores_for("base", 10.0) == pytest.approx(1.0)
    row = row_of(front_lines(cost, num_pages=2, num_grey=1, rounds=1), "base")
    assert row[3:6] == ["100", "10.0", "1.00"]


def receipt(shard_id: str, start_s: float, end_s: float, *, engine_s: float) -> ShardReceipt:
    times = ShardTimes(total_s=end_s - start_s, engine_s=engine_s, render_wait_s=1.0, judge_s=0.5, engine_busy_s=engine_s / 2)
    return ShardReceipt(
        shard_id=shard_id,
        key="pages/x",
        size_bytes=1,
        sha256="0",
        num_rows=10,
        num_documents=1,
        num_known=0,
        quarantined=(),
        pages_by_status={"ok": 9, "blank": 1},
        pages_by_reject={"gibberish": 9},
        num_kept=0,
        num_kept_chars=0,
        num_output_tokens=9 * 50,
        pages_by_rung={"first": 9},
        seconds_by_rung={"first": 1.0},
        pages_by_mode={"tiny": 9},
        vision_tokens_by_mode={"tiny": 9 * 73},
        text_tokens_by_mode={"tiny": 9 * 40},
        times=times,
        worker="a/1",
        finished_at=datetime.fromtimestamp(1_000_000 + end_s, UTC),
    )


def test_a_builds_figures_come_from_its_receipts() -> None:
    run = run_of(
        [receipt("a", 0.0, 8.0, engine_s=6.0), receipt("b", 2.0, 10.0, engine_s=6.0)], elapsed_s=60.0, findings=("a hole",)
    )
    assert (run.num_pages, run.num_read, run.output_tokens, run.span_s) == (20, 18, 900, 10.0)
    assert run.engine_busy_fraction == pytest.approx(0.6)
    assert sum(run.shard_fractions.values()) == pytest.approx(1.0)
    lines = factory_lines(run, about="x")
    assert "2.00 pages/s, 172,800 pages/day, 90 output tokens/s, 73 vision tokens a page" in lines[2]
    assert "verify: 1 findings; a hole" in lines[-2]
