"""The threshold explorer in a real browser judges every page as the pipeline does; so does its file."""

import random
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from pipeline.config import PageRules, RulesConfig, load_rules
from pipeline.publishing.assemble import rejudge
from pipeline.records import PageRecord
from pipeline.reporting.explorer import explorer_pages, thresholds
from pipeline.reporting.explorer_section import MEANINGS, explorer_section
from pipeline.reporting.page import render_page
from pipeline.reporting.page_signals import build_signals
from pipeline.reporting.scales import SCALES
from pipeline.store import FolderStore
from tests.reporting.conftest import OpenPage
from tests.reporting.made_builds import BUILD_ID, put_pages, random_pages, random_rules
from tests.reporting.watched import WatchedPage

RECORDS = random_pages(60)
RULES = RulesConfig()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explored")
    put_pages(FolderStore(root=root), RECORDS)
    return root


@pytest.fixture
def explorer(folder: Path, open_page: OpenPage) -> WatchedPage:
    pages = explorer_pages(build_signals(FolderStore(root=folder), BUILD_ID), RULES.pages, seed=BUILD_ID)
    return open_page(render_page("Thresholds", [explorer_section(pages, RULES, shown=())]))


def judged(records: list[PageRecord]) -> list[PageRecord]:
    return [each for each in records if each.page is not None and each.page.status == "ok"]


def short_id(record: PageRecord) -> str:
    return f"{record.page_id.doc_id[:16]}/{record.page_id.page_index:06d}"


def test_every_threshold_of_a_reject_rule_is_explained_and_every_signal_has_a_scale() -> None:
    assert set(MEANINGS) == set(thresholds())
    assert set(thresholds()) <= set(PageRules.model_fields)
    assert set(SCALES) == {"confidence", "mean_logprob", *SCALES}


@pytest.mark.browser
def test_browser_and_pipeline_give_every_page_the_same_verdict_under_any_thresholds(explorer: WatchedPage) -> None:
    chance = random.Random(11)
    for _ in range(60):
        rules = random_rules(chance, chance.sample(thresholds(), chance.randrange(1, len(thresholds()))))
        told = explorer.page.evaluate(
            "rules => pagemillThresholds.verdictsUnder(rules)", {name: getattr(rules, name) for name in thresholds()}
        )
        assert told == {short_id(each): list(rejudge(each, rules).reject) for each in judged(RECORDS)}


@pytest.mark.browser
def test_counts_equal_a_recount_from_the_table(explorer: WatchedPage, folder: Path) -> None:
    found = explorer.page.evaluate("pagemillThresholds.counts()")
    files = f"'{folder}/pages/*/*.parquet'"
    rows = duckdb.sql(
        f"select reason, count(*) from (select unnest(reject) reason from {files} where engine_status = 'ok') group by 1"
    )
    assert {name: each["before"] for name, each in found["byRule"].items() if each["before"]} == dict(rows.fetchall())
    kept = duckdb.sql(f"select count(*) from {files} where engine_status = 'ok' and len(reject) = 0").fetchall()[0][0]
    assert found["keptBefore"] == found["keptAfter"] == kept
    confident = "ocr_conf < 0.9 or mean_logprob < -0.7"
    explorer.page.evaluate("pagemillThresholds.move('low_conf_below', 0.9)")
    moved = explorer.page.evaluate("pagemillThresholds.counts()")
    recounted = duckdb.sql(f"select count(*) from {files} where engine_status = 'ok' and ({confident})").fetchall()[0][0]
    assert moved["byRule"]["low_conf"]["after"] == recounted
    assert moved["keptBefore"] - moved["newlyRejected"] + moved["newlyKept"] == moved["keptAfter"]


@pytest.mark.browser
def test_the_file_it_gives_makes_rejudging_count_as_it_did(explorer: WatchedPage, tmp_path: Path) -> None:
    page = explorer.page
    page.locator("#exp-threshold").select_option("low_conf_below")
    page.fill("#exp-value", "0.85")
    page.keyboard.press("Enter")
    page.locator("#exp-threshold").select_option("loop_equal_lines")
    page.fill("#exp-value", "40")
    page.keyboard.press("Enter")
    counts = page.evaluate("pagemillThresholds.counts()")
    page.locator("summary", has_text="YAML").click()
    with page.expect_download() as download:
        page.click("#exp-download")
    download.value.save_as(tmp_path / "rules.yaml")
    rules = load_rules(tmp_path / "rules.yaml")
    assert rules.pages.model_dump() == PageRules(low_conf_below=0.85, loop_equal_lines=40).model_dump()
    assert rules.documents == RULES.documents
    verdicts = [rejudge(each, rules.pages).reject for each in judged(RECORDS)]
    assert counts["keptAfter"] == verdicts.count(())
    again = Counter(reason for reject in verdicts for reason in reject)
    assert {name: each["after"] for name, each in counts["byRule"].items() if each["after"]} == dict(again)


@pytest.mark.browser
def test_a_threshold_moves_by_dragging_by_arrows_and_back(explorer: WatchedPage, pictures: Path) -> None:
    page = explorer.page
    page.locator("#exp-plot rect.exp-all").first.wait_for(state="attached")
    box = page.locator("#exp-plot").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60, steps=4)
    page.mouse.up()
    dragged = float(page.input_value("#exp-value"))
    assert dragged > 0.6
    assert "Newly rejected" in (page.text_content("#exp-summary") or "")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    assert float(page.input_value("#exp-value")) == pytest.approx(min(dragged + 0.011, 1.0))
    page.screenshot(path=pictures / "thresholds.png", full_page=True)
    page.click("#exp-back")
    assert page.input_value("#exp-value") == "0.6"
    assert page.is_disabled("#exp-back-all")


@pytest.mark.browser
def test_examples_at_the_border_turn_on_the_threshold_alone(explorer: WatchedPage) -> None:
    page = explorer.page
    page.locator("#exp-threshold").select_option("garbled_above")
    by_id = {short_id(each): each for each in judged(RECORDS)}
    for side, is_broken in (("broken", True), ("held", False)):
        told = page.locator(f"#exp-{side} li code").all_inner_texts()
        assert told
        values = [by_id[page_id].signals.garbled_fraction for page_id in told]
        assert [value > 0.05 for value in values] == [is_broken] * len(values)
        assert [abs(value - 0.05) for value in values] == sorted(abs(value - 0.05) for value in values)


def test_a_build_of_more_pages_than_fit_is_drawn_evenly_and_the_same_each_time(folder: Path) -> None:
    def drawn(seed: str) -> list[str]:
        pages = explorer_pages(build_signals(FolderStore(root=folder), BUILD_ID), RULES.pages, seed=seed, max_pages=50)
        assert (len(pages.ids), pages.num_pages_of_build) == (50, len(RECORDS))
        return pages.ids.to_pylist()

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")
