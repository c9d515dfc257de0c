"""A page of sections in a real browser: it loads nothing, runs nothing but ours, and a hostile text stays a text."""

import pytest
from markupsafe import Markup

from pipeline.reporting.embedding import json_element, render
from pipeline.reporting.page import Section, render_page
from tests.reporting.conftest import OpenPage

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\u2028{{7*7}}\u202egnp.exe"


def section(**changes: object) -> Section:
    values: dict[str, object] = {"section_id": "one", "title": "One", "body": Markup("<p>first</p>"), **changes}
    return Section(**values)  # type: ignore[arg-type]


def test_a_section_stands_under_its_title_and_in_the_contents(open_page: OpenPage) -> None:
    page = open_page(render_page("Title", [section(), section(section_id="two", title="Two")])).page
    assert page.locator("main section h2").all_inner_texts() == ["One", "Two"]
    page.get_by_role("link", name="Two").click()
    assert page.evaluate("location.hash") == "#two"


def test_data_comes_out_in_the_browser_as_it_went_in(open_page: OpenPage) -> None:
    values = {"text": HOSTILE, "numbers": [1, 0.1, None, True], "surrogate": "a\ud800b"}
    page = open_page(render_page("Title", [section(data={"values": values})])).page
    found = page.evaluate("JSON.stringify(pagemill.data('values').text)")
    assert page.evaluate("pagemill.data('values').numbers") == values["numbers"]
    assert page.evaluate("pagemill.data('values').surrogate.charCodeAt(1)") == 0xD800
    assert page.evaluate("found => JSON.parse(found)", found) == HOSTILE


def test_what_a_template_is_given_is_text(open_page: OpenPage) -> None:
    page = open_page(render_page(HOSTILE, [section(title=HOSTILE)], subtitle=HOSTILE)).page
    assert HOSTILE in (page.locator("h1").text_content() or "")
    assert page.locator("img").count() == 0


def test_a_script_that_is_not_ours_does_not_run(open_page: OpenPage) -> None:
    body = Markup("<p id='there'>x</p><script>document.getElementById('there').textContent = 'ran'</script>")
    watched = open_page(render_page("Title", [section(body=body)]))
    assert watched.page.locator("#there").text_content() == "x"
    assert any("Content Security Policy" in each for each in watched.trouble)
    watched.trouble.clear()


def test_nothing_is_fetched_even_when_markup_asks_for_it(open_page: OpenPage) -> None:
    watched = open_page(render_page("Title", [section(body=Markup('<img alt="" src="https://example.org/x.png">'))]))
    assert any('"img-src data:". The action has been blocked' in each for each in watched.trouble)
    assert watched.page.locator("main img").evaluate("image => image.naturalWidth") == 0
    watched.trouble.clear()


def test_an_element_that_would_run_or_load_something_is_not_made(open_page: OpenPage) -> None:
    page = open_page(render_page("Title", [section()])).page
    for attributes in ("{onclick: 'alert(1)'}", "{href: 'javascript:alert(1)'}", "{src: 'https://example.org/'}"):
        assert (
            page.evaluate(
                f"(() => {{ try {{ pagemill.element('a', {attributes}); return 'made'; }} catch {{ return 'no'; }} }})()"
            )
            == "no"
        )


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_element("x", {"signal": float("nan")})


def test_a_template_that_forgets_a_value_is_refused() -> None:
    with pytest.raises(Exception, match="undefined"):
        render("page.html.j2", title="x")
