"""Whatever a PDF says is shown as what it says: no script of it runs, nothing is loaded, nothing around it is turned about."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.config import RenderConfig, RulesConfig, StoreConfig
from pipeline.records import Attempt, Block, PageRecord
from pipeline.reporting.inspection import inspection_sections
from pipeline.reporting.page import render_page
from pipeline.sources import open_source
from pipeline.store import FolderStore
from tests.reporting.conftest import OpenPage
from tests.reporting.made_builds import BUILD_ID, put_pages
from tests.reporting.watched import WatchedPage
from tests.tables.samples import document, opened, page

pytestmark = pytest.mark.browser

HOSTILE = {
    "script": "<script>window.ran = 1; alert(1)</script>",
    "end-of-script": "</script><script>window.ran = 2; alert(2)</script>",
    "comment": "<!--<script>--><!-- </textarea></title></style>",
    "image": '<img src=x onerror="window.ran=3;alert(3)">',
    "svg": '<svg/onload="window.ran=4"><animate onbegin=alert(4) attributeName=x dur=1s>',
    "link": '<a href="javascript:window.ran=5">javascript:window.ran=5</a>',
    "frame": '<iframe srcdoc="<script>parent.ran=6</script>"></iframe><base href="https://example.org/">',
    "quotes": "\" autofocus onfocus=window.ran=7 x=' style=background:url(https://example.org/x)",
    "template": "{{7*7}} {% for x in y %} ${7*7} #{7*7} <%= 7*7 %> {{config}}",
    "bidi": "\u202egnp.exe\u202c \u2066\u2067 \u200f\u061c abc",
    "invisible": "a\u200bb\u200c\u200d\ufeff\u00ad\u2060c",
    "lines": "\u2028window.ran=8\u2029\x0b\x0c\x85 \x01\x1b[31m\x7f",
    "entity": "&lt;script&gt; &#x3c;script&#x3e; &amp;amp; &nbsp;",
    "prototype": "__proto__ constructor toString hasOwnProperty",
    "combining": "Z" + "\u0337\u0352" * 200,
    "long": "<b>" + "A" * 1_000_000,
}
NUL = "a\0b"


def hostile_page(number: int, text: str) -> PageRecord:
    """The text wherever a page can hold one."""
    of = replace(opened(document(f"{number}-{text[:200]}".replace("\0", "")), 1), title=text[:1000], author=text[:1000])
    made = page(of, 0, text)
    assert made.page is not None
    word = text[:300]
    reading = replace(
        made.page,
        engine=word,
        engine_version=word,
        mode=word,
        rung=word,
        flags=(word,),
        attempts=(Attempt(rung=word, mode=word, reasons=(word,), seconds=0.0, output_tokens=1, error=word),),
        blocks=(Block(label=word, text=text, box_pt=(0.0, 0.0, 100.0, 20.0), confidence=0.5),),
    )
    return replace(
        made,
        page=reading,
        reject=(word,),
        warnings=(word,),
        furniture=(text,),
        error=word,
        signals=replace(made.signals, language=word, script=word),
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    store = FolderStore(root=folder)
    put_pages(store, [hostile_page(number, text) for number, text in enumerate((*HOSTILE.values(), NUL))])
    source = open_source(StoreConfig(uri=str(folder)))
    sections = inspection_sections(store, BUILD_ID, source=source, render=RenderConfig(), rules=RulesConfig())
    path = folder / "report.html"
    path.write_text(render_page(HOSTILE["end-of-script"], sections, subtitle=HOSTILE["image"]), encoding="utf-8")
    return path


@pytest.fixture
def watched(report: Path, open_page: OpenPage) -> WatchedPage:
    return open_page(report)


def test_every_hostile_text_is_shown_and_none_of_it_runs(watched: WatchedPage) -> None:
    """`open_page` fails the test for a dialog, a request or an error."""
    page = watched.page
    for name, text in HOSTILE.items():
        word = text[:300]
        page.locator("#ins-language").select_option(word)
        assert page.locator("#ins-list a").count() == 1, name
        assert page.locator(".ins-said bdi").first.evaluate("node => node.firstChild.data") == text[:2000], name
        for summary in page.locator(".ins-details summary").all():
            summary.click()
        assert word[:80].strip() in (page.locator(".ins-chips").text_content() or ""), name
        page.keyboard.press("c")
        assert page.locator(".ins-text bdi").evaluate("node => node.firstChild.data") == text[:20_000], name
        page.locator(".ins-tabs button", has_text="Blocks").click()
    assert page.evaluate("window.ran") is None
    assert page.locator("main script, main iframe, main base, main img, main a[href^=javascript]").count() == 0
    assert page.evaluate("Object.keys(Object.prototype).length") == 0


def test_markup_in_a_text_makes_no_element(watched: WatchedPage) -> None:
    page = watched.page
    page.locator("#ins-language").select_option(HOSTILE["image"][:300])
    assert page.locator(".ins-page img, .ins-page script, .ins-page b").count() == 0
    assert page.title() == HOSTILE["end-of-script"]


def test_text_that_turns_direction_stays_within_its_place(watched: WatchedPage) -> None:
    page = watched.page
    page.locator("#ins-language").select_option(HOSTILE["bidi"][:300])
    isolated = page.locator(".ins-page bdi").evaluate_all(
        "all => all.every(each => getComputedStyle(each).unicodeBidi === 'isolate')"
    )
    assert isolated
    naked = page.evaluate(
        """() => {
          const walk = document.createTreeWalker(document.querySelector("#inspector"), NodeFilter.SHOW_TEXT);
          const found = [];
          while (walk.nextNode()) {
            const isKept = walk.currentNode.parentElement.closest("option, bdi");
            if (/[\\u202a-\\u202e\\u2066-\\u2069]/.test(walk.currentNode.data) && !isKept) found.push(walk.currentNode.data);
          }
          return found;
        }"""
    )
    assert naked == []


def test_a_line_of_a_million_characters_is_cut_and_counted(watched: WatchedPage, report: Path) -> None:
    assert report.stat().st_size < 2_000_000
    watched.page.locator("#ins-language").select_option(HOSTILE["long"][:300])
    assert "1,000,003 characters in all" in (watched.page.locator(".ins-said").text_content() or "")
    assert watched.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
