"""An S3-compatible store: signatures as AWS documents them, and a server that believes no other."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from hashlib import sha256

import pytest

from clement.net.object_store import ObjectMissing, ObjectStoreFailure, S3Place, S3Store
from clement.net.s3_signing import Credentials, Request, signed_headers
from tests.net.s3_server import S3Server

# "Authenticating Requests: Using the Authorization Header", the examples of AWS's own manual.
DOCUMENTED = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
AT_S = 1_369_353_600.0  # 2013-05-24T00:00:00Z
HOST = {"Host": "examplebucket.s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("request_", "signature"),
    [
        (
            Request("GET", "/test.txt", {**HOST, "Range": "bytes=0-9"}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Request(
                "PUT",
                "/test$file.text",
                {
                    **HOST,
                    "Date": "Fri, 24 May 2013 00:00:00 GMT",
                    "x-amz-storage-class": "REDUCED_REDUNDANCY",
                },
                sha256(b"Welcome to Amazon S3.").hexdigest(),
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Request("GET", "/", HOST, query=[("lifecycle", "")]),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Request("GET", "/", HOST, query=[("prefix", "J"), ("max-keys", "2")]),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
    ids=["get", "put", "lifecycle", "list"],
)
def test_signatures_are_those_of_the_manual(request_: Request, signature: str) -> None:
    authorization = signed_headers(request_, DOCUMENTED, AT_S)["authorization"]
    assert authorization.endswith(f"Signature={signature}")
    assert "20130524/us-east-1/s3/aws4_request" in authorization


@pytest.fixture
def server() -> Iterator[S3Server]:
    found = S3Server()
    found.start()
    yield found
    found.stop()


def store_at(server: S3Server, secret: str = "", port: int = 0, timeout_s: float = 60.0) -> S3Store:
    place = S3Place("127.0.0.1", port or server.port, server.bucket, tls=False, timeout_s=timeout_s)
    return S3Store(place, Credentials(server.access_key, secret or server.secret, server.region))


def put(store: S3Store, key: str, octets: bytes) -> None:
    pieces = (octets[at : at + 1000] for at in range(0, len(octets), 1000))
    store.put(key, pieces, len(octets), sha256(octets).hexdigest())


def test_objects_are_put_got_listed_and_deleted(server: S3Server) -> None:
    store, octets = store_at(server), bytes(range(256)) * 5000
    put(store, "a/b c+d=é.content", octets)
    put(store, "a/none", b"")
    assert b"".join(store.get("a/b c+d=é.content", len(octets))) == octets
    assert b"".join(store.get("a/none", 0)) == b""
    assert store.list_some("a/") == ["a/b c+d=é.content", "a/none"]
    store.delete("a/none")
    store.delete("a/none")
    assert store.list_some("a/n") == []
    with pytest.raises(ObjectMissing):
        list(store.get("a/none", 10))
    assert server.wrong == []


def test_nobody_without_the_secret_is_served(server: S3Server) -> None:
    with pytest.raises(ObjectStoreFailure, match="SignatureDoesNotMatch") as refusal:
        put(store_at(server, secret="another"), "x", b"x")
    assert "another" not in str(refusal.value)
    assert server.objects == {}
    assert "another" not in repr(Credentials("a", "another", "r"))


def test_what_is_larger_than_it_may_be_is_not_taken(server: S3Server) -> None:
    put(store_at(server), "x", b"x" * 1001)
    with pytest.raises(ObjectStoreFailure, match="larger"):
        list(store_at(server).get("x", 1000))


def test_a_payload_that_is_not_what_was_signed_is_refused(server: S3Server) -> None:
    with pytest.raises(ObjectStoreFailure):
        store_at(server).put("x", [b"another"], 7, sha256(b"payload").hexdigest())
    assert server.objects == {}


@pytest.mark.parametrize("status", [301, 400, 403, 500, 503])
def test_a_store_that_says_no_is_a_failure_that_says_so(server: S3Server, status: int) -> None:
    server.answer["GET"] = status
    with pytest.raises(ObjectStoreFailure, match=str(status)):
        list(store_at(server).get("x", 10))


def test_a_store_that_is_away_or_says_nothing_costs_bounded_time(server: S3Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ObjectStoreFailure, match=r"[Tt]ime"):
            list(store_at(server, port=port, timeout_s=0.2).get("x", 10))
    with pytest.raises(ObjectStoreFailure):
        list(store_at(server, port=port, timeout_s=5).get("x", 10))
