"""How held mail is shown: lines, one message in full, its octets. All of it was written by strangers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.held_parts import held_store
from clement.cli.terminal import Column, local_time, print_facts, safe, say, size

if TYPE_CHECKING:
    from clement.config.settings import Settings
    from clement.spool.content import Content
    from clement.store.access.actor import Actor
    from clement.store.held_records import HeldFigures, HeldRow

MOST_FIELDS: Final = 60
MOST_LINES: Final = 40
MOST_LINKS: Final = 20
MOST_CHARS: Final = 400
MOST_TEXT_CHARS: Final = 16_384
PREVIEW_BYTES: Final = 1 << 20
"""What lies behind is not read for people: a preview costs bounded time."""

COLUMNS: Final[list[Column[HeldRow]]] = [
    Column("held since", lambda row: local_time(row.at_s)),
    Column("kind", lambda row: row.kind),
    Column("from", lambda row: row.reverse_path or "<>"),
    Column("to", lambda row: row.address),
    Column("subject", lambda row: row.subject),
    Column("reason", lambda row: row.reason),
    Column("size", lambda row: size(row.size_bytes), is_number=True),
    Column("state", lambda row: f"{row.state} (kept)" if row.legal_hold else row.state),
    Column("id", lambda row: row.id),
]

FIGURE_COLUMNS: Final[list[Column[HeldFigures]]] = [
    Column("group", lambda row: row.group),
    Column("kind", lambda row: row.kind),
    Column("messages", lambda row: str(row.messages), is_number=True),
    Column("size", lambda row: size(row.size_bytes), is_number=True),
    Column(
        "recipients", lambda row: ", ".join(f"{n} {state}" for state, n in sorted(row.recipients.items()))
    ),
]


def outcome(row: HeldRow) -> str:
    """One sentence on what has become of a message, fit to be shown."""
    about = f"{row.id} for {safe(row.address)}"
    failed = f": {safe(row.failure, 300)}" if row.failure else ""
    match row.state:
        case "released":
            return f"{about}: delivered{failed}"
        case "releasing" if row.failures:
            since = local_time(row.failing_since_s)
            again = local_time(row.next_try_at_s)
            return f"{about}: not delivered since {since}{failed}; tried again at {again}"
        case "releasing":
            return f"{about}: will be delivered"
        case "deleted":
            return f"{about}: deleted; can be brought back until {local_time(row.expires_at_s)}"
        case _ if row.failure:
            return f"{about}: not delivered{failed}"
        case _:
            return f"{about}: held{', and kept in spite of everything' if row.legal_hold else ''}"


def print_held(settings: Settings, actor: Actor, rows: Sequence[HeldRow]) -> None:
    """One message in full, for all of its recipients that may be seen."""
    from clement.spool.failure import StorageFailure
    from clement.spool.filesystem import OsFileSystem
    from clement.spool.held import HeldMissing

    row = rows[0]
    for each in rows:
        print_facts(_facts(each))
        say()
    try:
        content = held_store(settings, OsFileSystem()).content(row.entry)
    except (HeldMissing, StorageFailure):
        say(f"The message itself lies on {safe(row.node)} and is not shown here.")
    else:
        try:
            print_content(content)
        finally:
            content.discard()
    _print_findings(actor, row.transaction_id)


def write_raw(settings: Settings, rows: Sequence[HeldRow]) -> None:
    """The octets of a message, as they came, to standard output."""
    from clement.spool.filesystem import OsFileSystem
    from clement.spool.held import HeldMissing

    try:
        content = held_store(settings, OsFileSystem()).content(rows[0].entry)
    except HeldMissing:
        raise _not_here(rows[0].node) from None
        raise Failure(ExitCode.NOT_FOUND, f"the message lies on {rows[0].node}: ask there") from None
    try:
        for piece in content.chunks():
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    finally:
        content.discard()


def _facts(row: HeldRow) -> list[tuple[str, str]]:
    decided = f"{row.state}, by {row.changed_by}, {local_time(row.changed_at_s)}" if row.changed_at_s else ""
    return [
        ("held message", row.id),
        ("kind", row.kind),
        ("state", decided or row.state),
        ("not delivered", row.failure if row.state != "released" else ""),
        ("kept", "in spite of expiry and deletion" if row.legal_hold else ""),
        ("held since", local_time(row.at_s)),
        ("expires", local_time(row.expires_at_s) if row.expires_at_s else "never"),
        ("from", row.reverse_path or "<>"),
        ("author", row.author),
        ("to", row.address + (f", as {row.forward_path}" if row.forward_path != row.address else "")),
        ("subject", row.subject),
        ("Message-ID", row.message_id),
        ("proven", row.authenticated_as),
        ("size", size(row.size_bytes)),
        ("reason", row.reason),
        ("why", row.why),
        ("score", f"{row.score:+.2f}" if row.score else ""),
        ("transaction", row.transaction_id),
        ("node", row.node),
    ]


def print_content(content: Content) -> None:
    """Header, visible text and links, as a person would read them; bounded, and every line made safe."""
    from clement.message.encoded_words import decode_words
    from clement.message.mime.read import read
    from clement.message.mime.walk import walk

    for line in _lines(content.header_block, MOST_FIELDS):
        say(safe(decode_words(line), MOST_CHARS))
    say()
    octets = content.read(0, PREVIEW_BYTES)
    reading = read(octets, walk(octets))
    texts = [text.text for text in reading.texts] or [
        octets[content.body_offset :].decode("utf-8", "replace")
    ]
    shown = [line for text in texts for line in text[:MOST_TEXT_CHARS].splitlines()]
    for line in shown[:MOST_LINES]:
        say(safe(line, MOST_CHARS))
    if len(shown) > MOST_LINES or content.size_bytes > PREVIEW_BYTES:
        say("[...]")
    say()
    for link in reading.links[:MOST_LINKS]:
        say(f"link: {safe(link.text)} -> {safe(link.target, MOST_CHARS)}")


def _lines(octets: bytes, most: int) -> Iterator[str]:
    """The first lines as text."""
    for line in octets.split(b"\n", most)[:most]:
        yield line.rstrip(b"\r").decode("utf-8", "replace").replace("\t", "  ")


def _print_findings(actor: Actor, transaction_id: str) -> None:
    """What was found when the message came; from the log, which may have been kept for less long."""
    from clement.store.access import log as access
    from clement.store.access.actor import NotFound

    try:
        found = access.transaction(actor, transaction_id).findings
    except NotFound:
        return
    for note in found:
        say(safe(f"{note.check}: {note.result}{f' ({note.detail})' if note.detail else ''}"))


def _not_here(node: str) -> Failure:
    """The files are on another machine."""
    sys.stdout.flush()
    return Failure(ExitCode.NOT_FOUND, f"the message lies on {node}: ask there")
