"""`pagemill inspect`: a document or a page beside what was read of it, in a browser."""

import argparse
import secrets
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from jobs.command_line import DONE, add_config_arguments, config_of, end_process, parser_for, run_command
from pipeline.config.addresses import without_secrets
from pipeline.errors import ConfigError, PagemillError
from pipeline.reporting.document_pages import DocumentPages
from pipeline.reporting.lookup import find_pages
from pipeline.sources import open_source
from pipeline.store import open_store

LOOPBACK = "127.0.0.1"
IDLE_S = 10.0
"""A connection that says nothing for so long is closed: one is served at a time."""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "inspect",
        "A document, or one page of it, beside what was read: drawn from the document when it is asked for. Serves this\n"
        "machine alone, under an address that nobody can guess, until Ctrl-C; or writes a file.",
        "pagemill inspect configs/quickstart.yaml letter.pdf --write letter.html",
    )
    add_config_arguments(parser)
    parser.add_argument(
        "thing", help="id of a document (its beginning is enough) or of a page (<document>/<page>, from 0); a name, or its end"
    )
    parser.add_argument("--write", metavar="FILE", type=Path, help="write one self-contained file instead of serving")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    store = open_store(config.output)
    found = find_pages(store, arguments.thing)
    source = open_source(config.input)
    with DocumentPages(store, found, source=source, render=config.render, rules=config.rules.pages) as pages:
        if arguments.write is None:
            serve(pages.html_around, print)
        else:
            write(arguments.write, pages.html())
    return DONE


def write(path: Path, html: str) -> None:
    """Raises ConfigError."""
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}); give another --write") from error
    print(path)


def serve(html_around: Callable[[int], str], tell: Callable[[str], None]) -> None:
    """Until it is interrupted. `tell` gets the address."""
    token = secrets.token_urlsafe(24)
    with HTTPServer((LOOPBACK, 0), handler_of(html_around, token)) as server:
        tell(f"http://{LOOPBACK}:{server.server_port}/{token}/   (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def handler_of(html_around: Callable[[int], str], token: str) -> type[BaseHTTPRequestHandler]:
    """Answers one address and no other, and only when the browser was told to ask this machine: a page from elsewhere that has
    a name of its own resolve to 127.0.0.1 sends that name as Host."""

    class Handler(BaseHTTPRequestHandler):
        timeout = IDLE_S
        server_version = "pagemill"
        sys_version = ""

        def do_GET(self) -> None:
            assert isinstance(self.server, HTTPServer)
            host = f"{LOOPBACK}:{self.server.server_port}"
            address = urlsplit(self.path)
            is_known = secrets.compare_digest(address.path.encode(), f"/{token}/".encode())
            if self.headers.get_all("Host") != [host] or not is_known:
                self.send_error(404)
                return
            at = parse_qs(address.query).get("at", ["0"])[0]
            if not (at.isascii() and at.isdecimal() and len(at) <= 6):
                self.send_error(404)
                return
            try:
                body = html_around(int(at)).encode()
            except PagemillError as error:
                self.send_error(500, explain=without_secrets(str(error)))
                return
            self.send_response(200)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: an address in a log would hold the token."""

    return Handler


if __name__ == "__main__":
    end_process(main())
