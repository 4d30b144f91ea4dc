"""Records for the journal's tests."""

import threading
from collections.abc import Iterable
from pathlib import Path

from clement.journal.frames import HEADER_BYTES, seal, split
from clement.journal.records import (
    Exchange,
    Outcome,
    RecipientRecord,
    Record,
    SessionRecord,
    TransactionRecord,
)
from clement.journal.segments import listed

AT_S = 1_795_344_000.0


def transaction(number: int, subject: str = "") -> TransactionRecord:
    return TransactionRecord(
        id=f"s{number}-1",
        session_id=f"s{number}",
        at_s=AT_S + number,
        reverse_path="a@remote.example",
        outcome=Outcome.ACCEPTED,
        reason="",
        reply="250 2.6.0 stored",
        recipients=(RecipientRecord("b@local.example", Outcome.ACCEPTED, "", "250 2.1.5 ok"),),
        subject=subject,
    )


def session(number: int, exchanges: int = 8, reason: str = "", client: str = "192.0.2.1") -> SessionRecord:
    return SessionRecord(
        id=f"s{number}",
        node="mx1",
        service="mx",
        started_at_s=AT_S + number,
        duration_us=5000,
        client_address=client,
        client_port=4711,
        outcome=Outcome.REFUSED if reason else Outcome.ACCEPTED,
        reason=reason,
        ending="quit",
        transcript=tuple(
            Exchange(1000 * each, 300, f"RCPT TO:<user{each}@local.example>", "250 2.1.5 recipient ok")
            for each in range(exchanges)
        ),
    )


def framed(payloads: Iterable[bytes]) -> bytes:
    buffer = bytearray()
    for payload in payloads:
        start = len(buffer)
        buffer += bytes(HEADER_BYTES) + payload
        seal(buffer, start)
    return bytes(buffer)


def payloads_in(content: bytes) -> list[bytes]:
    return [frame.payload for frame in split(content, at_end=True, at_most=1_000_000).frames]


def content_of(directory: Path) -> bytes:
    """All segments of a directory, one after the other."""
    return b"".join(segment.path.read_bytes() for segment in listed(directory))


def wait_for_syncs() -> None:
    """Wait until the segments that are full are synced and closed, which journals do in threads.

    What a disk is slow to sync, a recorder leaves in place.
    """
    for thread in threading.enumerate():
        if thread.name == "journal-sync":
            thread.join()


def ids(records: Iterable[Record]) -> list[str]:
    return [record.id for record in records]
