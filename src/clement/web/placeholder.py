"""What stands on the web port until the pages are built: a line about this server, and its metrics."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from html import escape
from http import HTTPStatus
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Timer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from clement.telemetry.collect import collect, rendered
from clement.web import held_links
from clement.web.held_links import HeldPages

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Clement</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem}}</style>
<h1>Clement</h1><p>This is the mail server <b>{host}</b>. Its pages are not built yet; until then
<code>clement log</code> and <code>clement session ID</code> show what happened to mail, and
<a href="/metrics">/metrics</a> how the server is doing.</p></html>
"""
HEADERS = [
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
]
CLIENTS = 32
REQUEST_TIMEOUT_S = 10.0
Start = Callable[[str, list[tuple[str, str]]], object]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests for a placeholder are nothing to report."""

    def address_string(self) -> str:
        """Nothing here depends on who asks, and a client on a Unix socket has no address."""
        return ""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, within bounds of number and time: a silent client blocks nobody."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, hostname: str, request_timeout_s: float) -> None:
        # Bound by the supervisor, so that a reload leaves no moment without it.
        super().__init__(("", 0), _Quiet, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = hostname, _port(listening)
        self.setup_environ()
        self._request_timeout_s = request_timeout_s
        self._places = BoundedSemaphore(CLIENTS)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        deadline = Timer(self._request_timeout_s, _hang_up, (request,))
        deadline.daemon = True
        deadline.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _port(listening: socket.socket) -> int:
    return 0 if listening.family == socket.AF_UNIX else int(listening.getsockname()[1])


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def application(
    hostname: str, metrics: Path, held: HeldPages | None = None
) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """The WSGI application. held: the pages behind the links of digests, where digests have links."""

    def answer(environment: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environment.get("REQUEST_METHOD", "") == "HEAD":
            # The head of what GET would bring, and nothing behind it (RFC 9110 §9.3.2).
            got(environment, start)
            return []
        return got(environment, start)

    def got(environment: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if path == "/":
            return _send(start, HTTPStatus.OK, "text/html; charset=utf-8", PAGE.format(host=escape(hostname)))
        if path == "/metrics":
            return _send(start, HTTPStatus.OK, "text/plain; version=0.0.4", rendered(collect(metrics)))
        if held is not None and path.startswith(held_links.PREFIX):
            return _answer_held(held, environment, start)
        return _send(start, HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "Nothing here.\n")

    return answer


def _answer_held(held: HeldPages, environment: dict[str, Any], start: Start) -> Iterable[bytes]:
    method = environment.get("REQUEST_METHOD", "")
    if method not in {"GET", "HEAD", "POST"}:
        allowed = [*HEADERS, ("Allow", "GET, HEAD, POST")]  # RFC 9110 §15.5.6
        return _send(
            start, HTTPStatus.METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", "GET or POST.\n", allowed
        )
    answer = held.answer(
        method,
        environment.get("PATH_INFO", "").removeprefix(held_links.PREFIX),
        environment.get("HTTP_ACCEPT_LANGUAGE", ""),
        _form(environment) if method == "POST" else b"",
    )
    return _send(start, answer.status, "text/html; charset=utf-8", answer.html, held_links.HEADERS)


def _form(environment: dict[str, Any]) -> bytes:
    """What was posted; nothing of it when it is more than a button says."""
    length = environment.get("CONTENT_LENGTH", "")
    if not length.isdecimal() or int(length) > held_links.MAX_FORM_BYTES:
        return b""
    form: bytes = environment["wsgi.input"].read(int(length))
    return form


def _send(
    start: Start,
    status: HTTPStatus,
    kind: str,
    text: str,
    headers: Sequence[tuple[str, str]] = HEADERS,
) -> Iterable[bytes]:
    body = text.encode("utf-8")
    start(
        f"{status.value} {status.phrase}",
        [("Content-Type", kind), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


def serve(
    listening: socket.socket,
    hostname: str,
    metrics: Path,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    held: HeldPages | None = None,
) -> None:
    """Serve until the process is told to end."""
    with _Server(listening, hostname, request_timeout_s) as server:
        server.set_app(application(hostname, metrics, held))
        server.serve_forever()
