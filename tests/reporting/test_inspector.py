"""The inspector in a real browser: filters, keys, links, block and text both ways, on a laptop and a phone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config import RenderConfig, RulesConfig, StoreConfig
from pipeline.records import PageRecord
from pipeline.reporting.inspection import inspection_sections
from pipeline.reporting.page import render_page
from pipeline.sources import open_source
from pipeline.store import FolderStore
from tests.reporting.conftest import OpenPage
from tests.reporting.made_builds import BUILD_ID, drawn_pages, put_pages, random_pages
from tests.reporting.watched import WatchedPage

pytestmark = pytest.mark.browser
RANDOM = random_pages(12)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[PageRecord]:
    return drawn_pages(tmp_path_factory.mktemp("corpus") / "drawn.pdf")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, drawn: list[PageRecord]) -> Path:
    folder = tmp_path_factory.mktemp("inspected")
    store = FolderStore(root=folder)
    put_pages(store, [*RANDOM, *drawn])
    source = open_source(StoreConfig(uri=str(Path(drawn[0].document.document.uri).parent)))
    sections = inspection_sections(store, BUILD_ID, source=source, render=RenderConfig(), rules=RulesConfig())
    path = folder / "report.html"
    path.write_text(render_page("Report", sections), encoding="utf-8")
    return path


@pytest.fixture
def inspector(report: Path, open_page: OpenPage) -> Callable[..., WatchedPage]:
    def opened_at(**settings: object) -> WatchedPage:
        return open_page(report, **settings)

    return opened_at


def listed(watched: WatchedPage) -> list[str]:
    links = watched.page.locator("#ins-list a")
    return [
        str(href).removeprefix("#page=") for href in links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    ]


def shown(watched: WatchedPage) -> str:
    link = watched.page.locator("#ins-list a[aria-current]").get_attribute("href")
    return (link or "").removeprefix("#page=")


def test_every_filter_lists_the_pages_that_have_it_and_no_others(inspector: Callable[..., WatchedPage]) -> None:
    watched = inspector()
    by_id = {str(record.page_id): record for record in RANDOM}
    everything = listed(watched)
    has: dict[str, Callable[[PageRecord, str], bool]] = {
        "ins-status": lambda record, value: record.status == value,
        "ins-reason": lambda record, value: value in record.reject or (value == "(kept)" and not record.reject),
        "ins-rung": lambda record, value: record.page is not None and record.page.rung == value,
        "ins-mode": lambda record, value: record.page is not None and record.page.mode == value,
        "ins-language": lambda record, value: record.page is not None and record.signals.language == value,
    }
    for select, meets in has.items():
        options = watched.page.locator(f"#{select} option").evaluate_all("all => all.map(each => each.value).filter(Boolean)")
        assert options, select
        for value in options:
            watched.page.locator(f"#{select}").select_option(value)
            of_random = [page_id for page_id in listed(watched) if page_id in by_id]
            wanted = [page_id for page_id in everything if page_id in by_id and meets(by_id[page_id], value)]
            assert of_random == wanted, (select, value)
        watched.page.locator(f"#{select}").select_option("")
    watched.page.fill("#ins-from", "0.25")
    watched.page.fill("#ins-to", "0.5")
    confidences = [by_id[page_id].page.confidence for page_id in listed(watched) if page_id in by_id and by_id[page_id].page]
    assert confidences
    assert all(value is not None and 0.25 <= value <= 0.5 for value in confidences)
    watched.page.click("#ins-reset")
    assert listed(watched) == everything


def test_keys_walk_through_the_pages_and_find_the_search(inspector: Callable[..., WatchedPage]) -> None:
    watched = inspector()
    order = listed(watched)
    assert shown(watched) == order[0]
    for key, place in (("j", 1), ("ArrowRight", 2), ("k", 1), ("ArrowLeft", 0), ("k", 0)):
        watched.page.keyboard.press(key)
        assert shown(watched) == order[place]
    assert watched.page.locator("#ins-help").is_hidden()
    watched.page.keyboard.press("?")
    assert watched.page.locator("#ins-help").is_visible()
    watched.page.keyboard.press("/")
    watched.page.keyboard.type("drawn")
    assert len(listed(watched)) == 2
    watched.page.keyboard.press("Escape")
    assert listed(watched) == order


def test_a_link_to_a_page_survives_reloading_and_filters(
    inspector: Callable[..., WatchedPage], drawn: list[PageRecord]
) -> None:
    wanted = str(drawn[1].page_id)
    watched = inspector(fragment=f"#page={wanted}")
    assert shown(watched) == wanted
    watched.page.reload()
    assert shown(watched) == wanted
    watched.page.locator("#ins-status").select_option("blank")
    assert shown(watched) != wanted
    watched.page.evaluate("hash => { location.hash = hash }", f"#page={drawn[0].page_id}")
    watched.page.wait_for_function("document.querySelector('#ins-list a[aria-current]').href.endsWith('/000000')")
    assert shown(watched) == str(drawn[0].page_id)


def test_a_block_finds_its_text_and_a_text_its_block(inspector: Callable[..., WatchedPage], drawn: list[PageRecord]) -> None:
    page = inspector(fragment=f"#page={drawn[0].page_id}").page
    page.locator(".ins-sheet [data-block='1'] rect").hover()
    assert page.locator("li.here .ins-said").inner_text() == "and one below it"
    page.locator(".ins-blocks li", has_text="A line of print.").hover()
    assert page.locator("g.here").get_attribute("data-block") == "0"
    page.locator(".ins-blocks").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("g.here").get_attribute("data-block") == "1"
    page.keyboard.press("o")
    assert page.locator("text.ins-number").first.is_visible()


def test_blocks_stand_on_the_print_of_the_picture(
    inspector: Callable[..., WatchedPage], drawn: list[PageRecord], pictures: Path
) -> None:
    """All ink of the first line's surroundings lies within its block, as it is laid out on the screen."""
    page = inspector(fragment=f"#page={drawn[0].page_id}").page
    page.keyboard.press("b")
    page.mouse.move(0, 0)
    sheet = page.locator(".ins-sheet").bounding_box()
    block = page.locator(".ins-sheet [data-block='0'] rect").first.bounding_box()
    assert sheet is not None
    assert block is not None
    ink = ink_box(page.locator(".ins-sheet").screenshot(path=pictures / "page-alone.png"))
    assert block["x"] - sheet["x"] - 2 <= ink[0]
    assert block["y"] - sheet["y"] - 2 <= ink[1]
    assert ink[2] <= block["x"] + block["width"] - sheet["x"] + 2
    assert ink[3] <= block["y"] + block["height"] - sheet["y"] + 2


def ink_box(png: bytes) -> tuple[int, int, int, int]:
    """Of what is dark, without the frame."""
    import io

    import numpy as np
    from PIL import Image

    grey_HW = np.asarray(Image.open(io.BytesIO(png)).convert("L"))[4:-4, 4:-4]
    rows, columns = np.nonzero(grey_HW < 128)
    return int(columns.min()) + 4, int(rows.min()) + 4, int(columns.max()) + 4, int(rows.max()) + 4


def test_only_the_page_that_is_shown_is_in_the_document(inspector: Callable[..., WatchedPage]) -> None:
    page = inspector().page
    for _ in range(5):
        page.keyboard.press("j")
        assert page.locator("article.ins-page svg.ins-sheet").count() == 1


def test_what_broke_and_what_was_read_before_stand_beside_the_page(inspector: Callable[..., WatchedPage]) -> None:
    record = next(each for each in RANDOM if "low_conf" in each.reject and each.page)
    page = inspector(fragment=f"#page={record.page_id}").page
    broken = [name.removesuffix(" broken") for name in page.locator(".ins-tests tr.broken th").all_inner_texts()]
    assert [name for name in broken if name] == [
        name for name in record.reject if name not in ("truncated", "unreadable_script")
    ]
    assert "Other readings (1)" in page.locator(".ins-details summary").all_inner_texts()
    assert record.reject[0] in page.locator(".ins-chips").inner_text()


def test_a_document_that_is_gone_leaves_its_blocks_on_blank_paper(inspector: Callable[..., WatchedPage]) -> None:
    record = next(each for each in RANDOM if each.page is not None)
    page = inspector(fragment=f"#page={record.page_id}").page
    assert "cannot be read any more" in page.locator(".ins-picture .ins-error").inner_text()
    assert page.locator(".ins-sheet [data-block]").count() == 5
    assert page.locator(".ins-sheet").get_attribute("viewBox") == "0 0 595 842"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, True)])
def test_it_fits_its_window(
    inspector: Callable[..., WatchedPage], drawn: list[PageRecord], width: int, dark: bool, pictures: Path
) -> None:
    page = inspector(width=width, dark=dark, fragment=f"#page={drawn[0].page_id}").page
    page.wait_for_selector(".ins-sheet image")
    page.screenshot(path=pictures / f"inspector-{width}-{'dark' if dark else 'light'}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 22, 26)" if dark else "rgb(251, 250, 248)"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(inspector: Callable[..., WatchedPage], dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    record = next(each for each in RANDOM if "low_conf" in each.reject and each.page)
    page = inspector(dark=dark, fragment=f"#page={record.page_id}").page
    page.evaluate("pagemillThresholds.counts()")
    page.keyboard.press("?")
    found = [each for each in axe.run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []


def test_a_text_that_was_cut_tells_its_true_length(tmp_path: Path, open_page: OpenPage) -> None:
    store = FolderStore(root=tmp_path)
    put_pages(store, [replace(RANDOM[2], text="x" * 1_000_000)])
    source = open_source(StoreConfig(uri=str(tmp_path)))
    sections = inspection_sections(store, BUILD_ID, source=source, render=RenderConfig(), rules=RulesConfig())
    html = render_page("Report", sections)
    assert len(html) < 300_000
    page = open_page(html).page
    page.keyboard.press("c")
    assert "1,000,000 characters in all" in page.locator(".ins-cut").inner_text()
