"""A real Chromium for the whole session, and pages of it that notice what a report must never do."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.reporting.watched import WatchedPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """One browser for all tests, with a user folder of its own."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make test installs it")
    if CHROMIUM is None:
        pytest.skip("no chromium here; apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="chromium", dir="/tmp") as home, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET), env={"HOME": home})
        try:
            yield browser
        finally:
            browser.close()


OpenPage = Callable[..., WatchedPage]


@pytest.fixture
def open_page(chromium: "Browser", tmp_path: Path) -> Iterator[OpenPage]:
    """`open_page(html_or_path, dark=..., width=..., height=..., fragment=...)` opens the file from a folder, as a person does.
    When the test ends, the page must have asked the network for nothing, logged no error and shown no dialog."""
    opened: list[WatchedPage] = []

    def open_file(
        html: str | Path, *, dark: bool = False, width: int = 1280, height: int = 900, fragment: str = ""
    ) -> WatchedPage:
        path = html if isinstance(html, Path) else tmp_path / f"page-{len(opened)}.html"
        if isinstance(html, str):
            path.write_text(html, encoding="utf-8")
        context = chromium.new_context(color_scheme="dark" if dark else "light", viewport={"width": width, "height": height})
        watched = WatchedPage(context.new_page())
        opened.append(watched)
        watched.page.goto(f"{path.as_uri()}{fragment}")
        return watched

    yield open_file
    for watched in opened:
        trouble = watched.trouble
        watched.page.context.close()
        assert trouble == []


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where screenshots go: `--pictures FOLDER`, else the test's own folder."""
    named = request.config.getoption("--pictures")
    folder = Path(named) if named else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder
