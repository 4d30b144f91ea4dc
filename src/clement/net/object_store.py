"""An S3-compatible object store: put, get, delete, list a little. Path-style, one connection a request.

All of it blocks, within time-outs, and is called from worker threads. The store is a server like any other:
its answers are bounded, its redirects are not followed, and what it gives is compared with a hash by whoever
asked.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol
from xml.etree import ElementTree as ET

import msgspec

from clement.net.s3_signing import EMPTY_HASH, Credentials, Request, signed_headers

PIECE_BYTES: Final = 256 * 1024
MOST_LISTED: Final = 1000
LIST_LIMIT_BYTES: Final = 2 << 20
ERROR_LIMIT_BYTES: Final = 4096
_OK: Final = range(200, 300)
_NOT_FOUND: Final = 404
_NAMESPACE: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class ObjectStoreFailure(Exception):
    """The store is away, slow, or said no; the text says which, without secrets."""


class ObjectMissing(ObjectStoreFailure):
    """There is no such object."""


class ObjectStore(Protocol):
    """Where held mail may lie besides its node. All methods block and raise ObjectStoreFailure."""

    def put(self, key: str, pieces: Iterable[bytes], size_bytes: int, hash_hex: str) -> None:
        """Store an object as a whole, or not at all. hash_hex: SHA-256 of its octets."""

    def get(self, key: str, limit_bytes: int) -> Iterator[bytes]:
        """The octets of an object, at most so many. Raises ObjectMissing."""

    def delete(self, key: str) -> None:
        """Remove an object; no error when there is none."""

    def list_some(self, prefix: str) -> list[str]:
        """The first keys that begin with a prefix, at most MOST_LISTED."""


class S3Place(msgspec.Struct, frozen=True):
    """Where the store is. host, port: of its endpoint. timeout_s: of each step on the connection."""

    host: str
    port: int
    bucket: str
    tls: bool = True
    timeout_s: float = 30.0


class S3Store:
    """Implements ObjectStore. now_s: Unix time. context: for TLS; None for the usual one."""

    def __init__(
        self,
        place: S3Place,
        credentials: Credentials,
        now_s: Callable[[], float] = time.time,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._place = place
        self._credentials = credentials
        self._now_s = now_s
        self._context = context or ssl.create_default_context()

    def put(self, key: str, pieces: Iterable[bytes], size_bytes: int, hash_hex: str) -> None:
        """See ObjectStore. The store compares the hash, so half an object is none."""
        further = {"content-length": str(size_bytes), "content-type": "application/octet-stream"}
        with self._asked("PUT", key, further, hash_hex, body=pieces) as response:
            response.read(ERROR_LIMIT_BYTES)

    def get(self, key: str, limit_bytes: int) -> Iterator[bytes]:
        """See ObjectStore."""
        with self._asked("GET", key) as response:
            left_bytes = limit_bytes
            while piece := response.read(min(PIECE_BYTES, left_bytes + 1)):
                left_bytes -= len(piece)
                if left_bytes < 0:
                    raise ObjectStoreFailure(f"{key} is larger than it may be")
                yield piece

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        try:
            with self._asked("DELETE", key) as response:
                response.read(ERROR_LIMIT_BYTES)
        except ObjectMissing:
            return

    def list_some(self, prefix: str) -> list[str]:
        """See ObjectStore."""
        query = [("list-type", "2"), ("max-keys", str(MOST_LISTED)), ("prefix", prefix)]
        with self._asked("GET", "", query=query) as response:
            octets = response.read(LIST_LIMIT_BYTES + 1)
        if len(octets) > LIST_LIMIT_BYTES or b"<!DOCTYPE" in octets[:1024] or b"<!ENTITY" in octets:
            raise ObjectStoreFailure("the list is not one that S3 would give")
        try:
            root = ET.fromstring(octets)  # noqa: S314 - bounded, and without entities
        except ET.ParseError as fault:
            raise ObjectStoreFailure(f"the list cannot be read: {fault}") from fault
        keys = [*root.iter(f"{_NAMESPACE}Key"), *root.iter("Key")]
        return [each.text for each in keys if each.text]

    @contextmanager
    def _asked(
        self,
        method: str,
        key: str,
        further: dict[str, str] | None = None,
        payload_hash: str = EMPTY_HASH,
        *,
        query: list[tuple[str, str]] | None = None,
        body: Iterable[bytes] = (),
    ) -> Iterator[http.client.HTTPResponse]:
        """One request and its answer, which is a success; the connection ends with it."""
        place = self._place
        host = place.host if place.port in (80, 443) else f"{place.host}:{place.port}"
        path = f"/{place.bucket}/{key}" if key else f"/{place.bucket}"
        request = Request(method, path, {"host": host, **(further or {})}, payload_hash, query or [])
        connection = self._connection()
        try:
            connection.putrequest(method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in signed_headers(request, self._credentials, self._now_s()).items():
                connection.putheader(name, value)
            connection.endheaders()
            for piece in body:
                connection.send(piece)
            response = connection.getresponse()
            if response.status not in _OK:
                raise _failure(method, key, response)
            yield response
        except (OSError, http.client.HTTPException) as fault:
            raise ObjectStoreFailure(f"{method} {key}: {type(fault).__name__}: {fault}"[:300]) from fault
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        place = self._place
        if not place.tls:
            return http.client.HTTPConnection(place.host, place.port, timeout=place.timeout_s)
        return http.client.HTTPSConnection(
            place.host, place.port, timeout=place.timeout_s, context=self._context
        )


def _failure(method: str, key: str, response: http.client.HTTPResponse) -> ObjectStoreFailure:
    told = response.read(ERROR_LIMIT_BYTES).decode("utf-8", "replace")
    code = told.partition("<Code>")[2].partition("</Code>")[0][:60] or response.reason
    kind = ObjectMissing if response.status == _NOT_FOUND and code != "NoSuchBucket" else ObjectStoreFailure
    return kind(f"{method} {key}: {response.status} {code}"[:300])
