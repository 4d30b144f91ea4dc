"""The facts of a message that its header states: what checks ask, the log keeps and people are shown.

Pure and total: any octets give facts, none raises, and the time is linear in their length. Only fields that
are asked for are decoded. Whether a fact is a reason to refuse is for policy to say.
RFC 5322 §3.6 (fields), RFC 6532 (UTF-8 in them), RFC 3834 §5 (Auto-Submitted).
"""

from __future__ import annotations

import msgspec

from clement.message.addresses import HeaderMailbox, parse_address_list
from clement.message.defects import NONE, Defect
from clement.message.encoded_words import decode_words
from clement.message.headers import (
    FIELD,
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    MAX_HEADER_BYTES,
    line_defects,
    unfold,
)
from clement.message.text import decoded, visible

MAX_SUBJECT_CHARS = 250
MAX_SUBJECT_BYTES = 4096
MAX_TOKEN_CHARS = 250
MAX_AUTHOR_FIELDS = 10
MAX_VALUES = 100

_ASKED_FOR = frozenset(
    (
        b"auto-submitted",
        b"date",
        b"delivered-to",
        b"from",
        b"message-id",
        b"received",
        b"resent-date",
        b"resent-from",
        b"sender",
        b"subject",
        b"x-loop",
    )
)

_Values = dict[bytes, list[bytes]]


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the header says. Texts are bounded and visible.

    from_count: From fields, of which RFC 5322 wants one.
    authors: the mailboxes of all From fields; author_domains: their domains, each once, in normal form.
    sender_field: the mailbox of Sender, if there is one.
    received_count, delivered_to, loop_marks (X-Loop): what a mail loop leaves behind (RFC 5321 §6.3).
    resent: somebody re-introduced the message (RFC 5322 §3.6.6).
    auto_submitted: the keyword of Auto-Submitted in lower case, "" when absent.
    """

    from_count: int = 0
    authors: tuple[HeaderMailbox, ...] = ()
    author_domains: tuple[str, ...] = ()
    sender_field: HeaderMailbox | None = None
    subject: str = ""
    message_id: str = ""
    date_present: bool = False
    received_count: int = 0
    delivered_to: tuple[str, ...] = ()
    loop_marks: tuple[str, ...] = ()
    resent: bool = False
    auto_submitted: str = ""
    defects: frozenset[Defect] = NONE

    @property
    def author(self) -> str:
        """The address of the first author, "" when there is none: for the log."""
        return self.authors[0].address if self.authors else ""


def examine(header_block: bytes, *, blank_line: bool = True) -> MessageFacts:
    """The facts in a header block (see `headers.split_content`); the first MAX_HEADER_BYTES of it count.

    blank_line: whether a blank line stood behind it in the message.
    """
    block = header_block[:MAX_HEADER_BYTES]
    found = FIELD.findall(block)
    defects = line_defects(block, found)
    if not blank_line:
        defects.add(Defect.NO_BLANK_LINE)
    if len(header_block) > MAX_HEADER_BYTES:
        defects.add(Defect.HEADER_TOO_LONG)
    if len(found) > MAX_FIELDS:
        defects.add(Defect.TOO_MANY_FIELDS)
        del found[MAX_FIELDS:]
    if len(block) > MAX_FIELD_BYTES and any(len(value) > MAX_FIELD_BYTES for _name, _gap, value in found):
        defects.add(Defect.FIELD_TOO_LONG)
    values = _gather(found, defects)
    authors = _authors(values.get(b"from", []), defects)
    return MessageFacts(
        from_count=len(values.get(b"from", ())),
        authors=authors,
        author_domains=tuple(dict.fromkeys(author.mailbox.domain for author in authors)),
        sender_field=_sender_field(values),
        subject=_subject(values),
        message_id=_first(values, b"message-id"),
        date_present=b"date" in values,
        received_count=len(values.get(b"received", ())),
        delivered_to=_texts(values, b"delivered-to"),
        loop_marks=_texts(values, b"x-loop"),
        resent=b"resent-from" in values or b"resent-date" in values,
        auto_submitted=_first(values, b"auto-submitted").partition(";")[0].strip().lower(),
        defects=frozenset(defects) if defects else NONE,
    )


def _gather(found: list[tuple[bytes, bytes, bytes]], defects: set[Defect]) -> _Values:
    """The values of the fields that are asked for, by name, in order."""
    values: _Values = {}
    for name, gap, value in found:
        if gap:
            defects.add(Defect.SPACE_BEFORE_COLON)
        key = name.lower()
        if key in _ASKED_FOR:
            values.setdefault(key, []).append(value)
    return values


def _authors(from_fields: list[bytes], defects: set[Defect]) -> tuple[HeaderMailbox, ...]:
    if len(from_fields) != 1:
        defects.add(Defect.AUTHOR_REPEATED if from_fields else Defect.AUTHOR_MISSING)
    authors: list[HeaderMailbox] = []
    for value in from_fields[:MAX_AUTHOR_FIELDS]:
        addresses = parse_address_list(decoded(unfold(value)))
        authors += addresses.mailboxes
        if not addresses.clear or not addresses.mailboxes:
            defects.add(Defect.AUTHOR_SYNTAX)
        elif not addresses.well_formed:
            defects.add(Defect.AUTHOR_LOOSE)
    return tuple(authors)


def _sender_field(values: _Values) -> HeaderMailbox | None:
    if b"sender" not in values:
        return None
    mailboxes = parse_address_list(decoded(unfold(values[b"sender"][0]))).mailboxes
    return mailboxes[0] if mailboxes else None


def _subject(values: _Values) -> str:
    if b"subject" not in values:
        return ""
    raw = values[b"subject"][0][:MAX_SUBJECT_BYTES]
    return visible(decode_words(decoded(unfold(raw))).strip(), MAX_SUBJECT_CHARS)


def _text(value: bytes) -> str:
    return visible(decoded(unfold(value[: 4 * MAX_TOKEN_CHARS])), MAX_TOKEN_CHARS)


def _first(values: _Values, name: bytes) -> str:
    return _text(values[name][0]) if name in values else ""


def _texts(values: _Values, name: bytes) -> tuple[str, ...]:
    return tuple(map(_text, values[name][:MAX_VALUES])) if name in values else ()
