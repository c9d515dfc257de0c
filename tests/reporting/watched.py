"""A page in a browser, and everything about it that a report must not do."""

from playwright.sync_api import ConsoleMessage, Dialog, Page, Request


class WatchedPage:
    """Collects errors, dialogs and requests of `page` in `trouble`. The one request that is none: the file itself."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.trouble: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(f"console {message.type}: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        is_itself = (
            request.is_navigation_request() and request.frame == self.page.main_frame and request.url.startswith("file:")
        )
        if not is_itself and not request.url.startswith(("data:", "blob:")):
            self.trouble.append(f"request: {request.url}")
