"""Signatures of requests to an S3-compatible store: AWS Signature Version 4, in the header. Pure.

    Authorization = "AWS4-HMAC-SHA256 Credential=" key "/" scope
                    ", SignedHeaders=" names ", Signature=" 64HEXDIG
    scope = YYYYMMDD "/" region "/s3/aws4_request"

The store computes the same from what it received; so nobody on the way can change method, path, query, the
headers named, or the payload, whose hash is one of them.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import msgspec

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY_HASH: Final = sha256(b"").hexdigest()


class Credentials(msgspec.Struct, frozen=True):
    """Who we are at the store. `secret` is never shown."""

    access_key: str
    secret: str
    region: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, ..., {self.region!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for tracebacks, which `rich` prints with their variables."""
        return [("access_key", self.access_key), ("region", self.region)]


class Request(msgspec.Struct, frozen=True):
    """What is signed. path: unescaped, from the root. query: names and values, unescaped.

    headers: without Authorization and X-Amz-Date; with Host. payload_hash: SHA-256 in hexadecimal.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    payload_hash: str = EMPTY_HASH
    query: Sequence[tuple[str, str]] = ()

    @property
    def target(self) -> str:
        """The request target on the wire: what is signed, escaped in the one way that is signed."""
        query = canonical_query(self.query)
        return escaped_path(self.path) + (f"?{query}" if query else "")


def signed_headers(request: Request, credentials: Credentials, at_s: float) -> dict[str, str]:
    """All headers of the request, with its date, its payload's hash and its signature. at_s: Unix time."""
    stamp = datetime.fromtimestamp(at_s, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        **request.headers,
        "x-amz-date": stamp,
        "x-amz-content-sha256": request.payload_hash,
    }
    lower = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _value in lower)
    canonical = "\n".join(
        [
            request.method,
            escaped_path(request.path),
            canonical_query(request.query),
            *(f"{name}:{value}" for name, value in lower),
            "",
            names,
            request.payload_hash,
        ]
    )
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    to_sign = "\n".join([ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{scope}"
    authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}


def escaped_path(path: str) -> str:
    """A path as S3 wants it: escaped once, slashes kept."""
    return quote(path, safe="/-_.~")


def canonical_query(query: Sequence[tuple[str, str]]) -> str:
    """A query in order of its escaped names."""
    escaped = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in escaped)
