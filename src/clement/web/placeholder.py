"""What stands on the web port until the pages are built: a line about this server, and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from clement.telemetry.collect import collect, rendered

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
Start = Callable[[str, list[tuple[str, str]]], object]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests for a placeholder are nothing to report."""


def application(hostname: str, metrics: Path) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """The WSGI application."""

    def answer(environment: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if path == "/":
            return _send(start, HTTPStatus.OK, "text/html; charset=utf-8", PAGE.format(host=escape(hostname)))
        if path == "/metrics":
            return _send(start, HTTPStatus.OK, "text/plain; version=0.0.4", rendered(collect(metrics)))
        return _send(start, HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "Nothing here.\n")

    return answer


def _send(start: Start, status: HTTPStatus, kind: str, text: str) -> Iterable[bytes]:
    body = text.encode("utf-8")
    start(
        f"{status.value} {status.phrase}",
        [("Content-Type", kind), ("Content-Length", str(len(body))), *HEADERS],
    )
    return [body]


def serve(host: str, port: int, hostname: str, metrics: Path) -> None:
    """Serve until the process is told to end."""
    with make_server(host, port, application(hostname, metrics), handler_class=_Quiet) as server:
        server.serve_forever()
