"""The report of a build in a real browser: what a person sees, in light, dark, on a phone and on paper."""

from pathlib import Path

import pytest

from jobs.report import page_of
from pipeline.publishing.gate_figures import gates_of
from pipeline.reporting.build_report import build_report
from pipeline.store import FolderStore
from tests.builds.factory import publish
from tests.reporting.conftest import OpenPage
from tests.reporting.varied import HOSTILE, varied_build

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the third of three nights."""
    folder = tmp_path_factory.mktemp("report")
    store = FolderStore(root=folder / "dataset")
    nights = ("2026-11-21", "2026-11-22", "2026-11-23")
    for number, night in enumerate(nights):
        built = varied_build(store, night, num_documents=120, earlier=nights[:number])
        publish(store, built, gates=gates_of(store, built, accepted=()))
    path = folder / "report.html"
    path.write_text(build_report(store, "2026-11-23"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "settings"), [("light", {}), ("dark", {"dark": True}), ("phone", PHONE), ("phone-dark", {**PHONE, "dark": True})]
)
def test_it_opens_without_a_word_and_fits_the_width(
    report: Path, open_page: OpenPage, pictures: Path, name: str, settings: dict[str, int]
) -> None:
    page = open_page(report, **settings).page
    page.screenshot(path=pictures / f"report-{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator(".verdict").inner_text().startswith("Published")


def test_dark_and_light_are_two_grounds(report: Path, open_page: OpenPage) -> None:
    grounds = {
        open_page(report, dark=dark).page.evaluate("getComputedStyle(document.body).backgroundColor") for dark in (True, False)
    }
    assert len(grounds) == 2


def test_a_tile_leads_to_its_figure_and_every_link_leads_somewhere(report: Path, open_page: OpenPage) -> None:
    page = open_page(report).page
    targets = page.eval_on_selector_all("a[href^='#']", "links => links.map(link => link.getAttribute('href').slice(1))")
    assert [target for target in targets if not page.evaluate("id => !!document.getElementById(id)", target)] == []
    page.get_by_role("link", name="Pages kept").click()
    assert page.evaluate("location.hash") == "#figure-reasons"


def test_the_definition_of_a_figure_is_a_click_or_a_key_away(report: Path, open_page: OpenPage) -> None:
    page = open_page(report).page
    figure = page.locator("#figure-reasons")
    assert not figure.locator("pre").is_visible()
    figure.locator("summary").press("Enter")
    assert "select unnest(reject)" in figure.locator("pre").inner_text()


def test_axe_finds_nothing_serious(report: Path, open_page: OpenPage) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for settings in ({}, {"dark": True}, PHONE):
        page = open_page(report, **settings).page
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        found = [each for each in axe.run(page).response["violations"] if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_a_hostile_error_is_shown_as_text(report: Path, open_page: OpenPage) -> None:
    page = open_page(report).page
    assert HOSTILE in (page.locator("#figure-errors tbody th").first.text_content() or "")
    assert page.locator("#figure-errors img").count() == 0


def test_it_prints_on_paper(report: Path, open_page: OpenPage, pictures: Path) -> None:
    page = open_page(report, dark=True).page
    printed = pictures / "report.pdf"
    page.pdf(path=printed, format="A4")
    page.emulate_media(media="print")
    assert not page.locator("nav.contents").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 31, 35)"
    assert 2 <= printed.read_bytes().count(b"/Type /Page\n") <= 12


@pytest.mark.slow
def test_a_report_of_100_000_pages_is_small_and_opens_at_once(tmp_path: Path, open_page: OpenPage) -> None:
    store = FolderStore(root=tmp_path / "dataset")
    built = varied_build(store, "large", num_documents=20_000, shard_documents=150)
    publish(store, built)
    path = tmp_path / "large.html"
    path.write_text(page_of(store, "large", built), encoding="utf-8")
    page = open_page(path).page
    opened_ms = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    print(f"{path.stat().st_size:,} bytes, opened in {opened_ms:.0f} ms")
    assert path.stat().st_size < 15_000_000
    assert opened_ms < 2000
