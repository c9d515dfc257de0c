"""An HTTP proxy in front of an object store that loses, delays, refuses, cuts and changes what goes through it.

In: the address of a server that speaks S3, and a function that says what strikes a request. Out: an address to give as
`endpoint_url`. It forwards one request a connection and knows of S3 only what a fault needs: error documents, checksum
headers, and that a store refuses a body that is not of its digest (servers for tests do not check).
"""

import base64
import hashlib
import http.client
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

NetworkFault = Literal[
    "lost_request",
    "lost_reply",
    "internal_error",
    "internal_error_after",
    "slow_down",
    "conflict",
    "timeout",
    "slow",
    "half_closed",
    "truncated_body",
    "changed_body",
    "changed_checksum",
    "changed_upload",
    "garbled_listing",
    "expired_token",
]
NETWORK_FAULTS: tuple[NetworkFault, ...] = get_args(NetworkFault)
ERRORS: Mapping[str, tuple[int, str]] = {
    "internal_error": (500, "InternalError"),
    "internal_error_after": (500, "InternalError"),
    "slow_down": (503, "SlowDown"),
    "conflict": (409, "ConditionalRequestConflict"),
    "expired_token": (400, "ExpiredToken"),
}
HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"})
SLOW_S = 0.3
FLIPS = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request as the faults see it."""

    verb: str
    path: str
    """Bucket and key, or bucket and `?list` with the prefix."""
    nth: int
    """How many times this verb came for this path before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Strike = Callable[[Request], NetworkFault | None]


class FaultProxy:
    """Listens from construction to `close`, on a port of the loopback that the system chooses."""

    def __init__(self, upstream_url: str, strike: Strike, *, hang_s: float) -> None:
        """`hang_s`: how long a request that "times out" is kept waiting; above the client's patience."""
        upstream = urlsplit(upstream_url)
        self.upstream = (upstream.hostname or "127.0.0.1", upstream.port or 80)
        self.strike = strike
        self.hang_s = hang_s
        self.struck: Counter[str] = Counter()
        self.closing = threading.Event()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def drawn(self, verb: str, path: str) -> NetworkFault | None:
        with self._lock:
            request = Request(verb=verb, path=path, nth=self._seen[verb, path])
            self._seen[verb, path] += 1
            fault = self.strike(request)
            if fault:
                self.struck[fault] += 1
            return fault

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def _handler_of(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            self.close_connection = True
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            path = unquote(parts.path) + ("?list" if "list-type" in parts.query else "")
            try:
                self._answer(proxy.drawn(self.command, path), body)
            except OSError:
                return  # the client went away, which is what some faults are for

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve

        def _answer(self, fault: NetworkFault | None, body: bytes) -> None:
            if fault in ("internal_error", "slow_down", "conflict", "expired_token"):
                self._send(_error(fault))
            elif fault == "changed_upload" and body:
                self._send(_forward(proxy, self, _flipped(body)) if _digest_fits(self, _flipped(body)) else _bad_digest())
            elif fault != "lost_request":
                self._reply(fault, _forward(proxy, self, body))

        def _reply(self, fault: NetworkFault | None, reply: Reply) -> None:
            if fault == "timeout":
                proxy.closing.wait(proxy.hang_s)
            elif fault == "internal_error_after":
                self._send(_error(fault))
            elif fault != "lost_reply":
                if fault == "slow":
                    time.sleep(SLOW_S)
                self._send(_changed(fault, reply), is_cut=fault == "half_closed")

        def _send(self, reply: Reply, *, is_cut: bool = False) -> None:
            names = {name.lower() for name, _ in reply.headers}
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if "content-length" not in names:
                self.send_header("Content-Length", str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body[: len(reply.body) // 2] if is_cut else reply.body)
            self.wfile.flush()
            if is_cut:
                self.connection.shutdown(socket.SHUT_WR)
                proxy.closing.wait(SLOW_S)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler


def _forward(proxy: FaultProxy, asked: BaseHTTPRequestHandler, body: bytes) -> Reply:
    connection = http.client.HTTPConnection(*proxy.upstream, timeout=60)
    try:
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in ("connection", "expect")}
        connection.request(asked.command, asked.path, body=body or None, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        if asked.command == "HEAD" and answer.getheader("Content-Length"):
            kept.append(("Content-Length", answer.getheader("Content-Length") or "0"))
        return Reply(status=answer.status, headers=tuple(kept), body=data)
    finally:
        connection.close()


def _error(fault: str) -> Reply:
    status, code = ERRORS[fault]
    return _refusal(status, code)


def _refusal(status: int, code: str) -> Reply:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>drill</Message></Error>".encode()
    return Reply(status=status, headers=(("Content-Type", "application/xml"),), body=body)


def _bad_digest() -> Reply:
    return _refusal(400, "BadDigest")


def _digest_fits(asked: BaseHTTPRequestHandler, body: bytes) -> bool:
    """What a store checks of an upload: RFC 1864, and the payload hash of a signature of version 4."""
    md5 = asked.headers.get("Content-MD5")
    sha256 = asked.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    fits_md5 = md5 in (None, base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode())
    return fits_md5 and (len(sha256) != 64 or sha256 == hashlib.sha256(body).hexdigest())


def _changed(fault: NetworkFault | None, reply: Reply) -> Reply:
    """The reply as the fault leaves it."""
    is_data = reply.status in (200, 206) and reply.body
    match fault:
        case "changed_body" if is_data:
            return Reply(status=reply.status, headers=reply.headers, body=_flipped(reply.body))
        case "truncated_body" if is_data:
            return Reply(status=reply.status, headers=reply.headers, body=reply.body[: len(reply.body) // 2])
        case "garbled_listing" if is_data:
            return Reply(status=reply.status, headers=reply.headers, body=reply.body[: len(reply.body) * 2 // 3])
        case "changed_checksum":
            headers = tuple((name, _other(name, value)) for name, value in reply.headers)
            return Reply(status=reply.status, headers=headers, body=reply.body)
        case _:
            return reply


def _other(name: str, value: str) -> str:
    is_sum = name.lower() == "etag" or name.lower().startswith("x-amz-checksum")
    return value.translate(str.maketrans("0123456789abcdef", "123456789abcdef0")) if is_sum else value


def _flipped(body: bytes) -> bytes:
    """Another byte each time: what a network spoils, it does not spoil the same way twice."""
    place = next(FLIPS) % len(body)
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
