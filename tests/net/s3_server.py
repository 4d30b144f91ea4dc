"""A small S3: keeps objects in memory, verifies every signature from the wire, and does what a test tells it.

The verification is written from AWS's description alone and shares no line with `clement.net.s3_signing`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


@dataclass
class S3Server:
    """One bucket. `answer` maps "METHOD" to a status that is given instead; `wrong` says what was wrong."""

    access_key: str = "AKIDEXAMPLE"
    secret: str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    region: str = "eu-test-1"
    bucket: str = "held-mail"
    objects: dict[str, bytes] = field(default_factory=dict)
    answer: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.s3 = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        s3: S3Server = self.server.s3
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = s3.answer.get(self.command)
        fault = self._fault(s3, body)
        if fault:
            s3.wrong.append(f"{self.command} {self.path}: {fault}")
            self._say(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        elif told:
            self._say(told, b"<Error><Code>SlowDown</Code></Error>")
        else:
            self._do(s3, body)

    def _do(self, s3: S3Server, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        _, bucket, *rest = unquote(path).split("/", 2)
        key = rest[0] if rest else ""
        if bucket != s3.bucket:
            self._say(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif self.command == "PUT":
            s3.objects[key] = body
            self._say(200, b"")
        elif self.command == "DELETE":
            s3.objects.pop(key, None)
            self._say(204, b"")
        elif not key:
            prefix = dict(parse_qsl(query))["prefix"]
            found = "".join(
                f"<Contents><Key>{each}</Key></Contents>"
                for each in sorted(s3.objects)
                if each.startswith(prefix)
            )
            name = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
            self._say(200, f"<ListBucketResult {name}>{found}</ListBucketResult>".encode())
        elif key in s3.objects:
            self._say(200, s3.objects[key])
        else:
            self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _fault(self, s3: S3Server, body: bytes) -> str:
        """Why the request is not signed by who it says; "" when it is."""
        match = AUTHORIZATION.fullmatch(self.headers.get("authorization", ""))
        if match is None:
            return "no authorization of this kind"
        who, day, region, names, signature = match.groups()
        if (who, region) != (s3.access_key, s3.region):
            return "another key or region"
        if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names.split(";")):
            return "not everything that must be signed is signed"
        stamp, payload = self.headers["x-amz-date"], self.headers["x-amz-content-sha256"]
        if not stamp.startswith(day):
            return "two dates"
        if payload != hashlib.sha256(body).hexdigest():
            return "the payload is not what was signed"
        path, _, query = self.path.partition("?")
        pairs = sorted(
            quote(name, safe="-_.~") + "=" + quote(value, safe="-_.~")
            for name, value in parse_qsl(query, keep_blank_values=True)
        )
        heads = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names.split(";"))
        canonical = f"{self.command}\n{path}\n{'&'.join(pairs)}\n{heads}\n{names}\n{payload}"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{day}/{region}/s3/aws4_request\n"
        text += hashlib.sha256(canonical.encode()).hexdigest()

        def mac(key: bytes, said: str) -> bytes:
            return hmac.new(key, said.encode(), hashlib.sha256).digest()

        key = mac(mac(mac(mac(("AWS4" + s3.secret).encode(), day), region), "s3"), "aws4_request")
        return "" if hmac.compare_digest(mac(key, text).hex(), signature) else "another signature"

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
