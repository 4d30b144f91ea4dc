"""What is asked of a simulation, and what it tells: a session that never was, in the words of a real one."""

from __future__ import annotations

import msgspec

from clement.config.listener import ListenerKind
from clement.journal.records import SessionRecord, TransactionRecord


class SimulationRequest(msgspec.Struct, frozen=True):
    """A message and the session it would come in.

    content: with CRLF line ends, no dot-stuffing. client: an address. reverse_path: "" for the null
    reverse-path. login: the person who has authenticated, "" for nobody; it implies TLS.
    """

    content: bytes
    client: str
    hello: str
    reverse_path: str
    recipients: tuple[str, ...]
    kind: ListenerKind = ListenerKind.MX
    tls: bool = False
    login: str = ""


class SimulationReport(msgspec.Struct, frozen=True):
    """The records that the session would have left: its transcript, each transaction, its recipients."""

    session: SessionRecord
    transactions: tuple[TransactionRecord, ...]
