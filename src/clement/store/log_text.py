"""Text and transcripts in the form that every database takes.

PostgreSQL refuses NUL, every database refuses lone surrogates, and each column
has its length. What does not fit is escaped or cut, and never refused: a row of
the log decides nothing, so it must not be lost for the sake of one character.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from clement.journal.records import Exchange, FindingNote

Note = TypeVar("Note", Exchange, FindingNote)

# The first octet says how the rest is packed. A dictionary, once used, is never changed: it would make
# unreadable what it packed. Another gets another octet.
PLAIN = b"\x00"
WITH_DICTIONARY_1 = b"\x01"

# What transcripts repeat, the most frequent last, where it costs the fewest bits (RFC 1950 §2.2, DICT).
DICTIONARY_1 = (
    b'"temperror","permerror","unresolvable","greylist","spf","dkim","dmarc","fail","none","softfail",'
    b'"neutral","listed","virus","grammar","loops","relay","recipient","size","directive","authentication",'
    b'"AUTH PLAIN ***","235 2.7.0 Authenticated","550 5.7.1 ","554 5.7.1 ","451 4.3.0 ","421 4.7.0 ",'
    b'"550 5.1.1 No such mailbox","RSET","NOOP","250-PIPELINING\\n250-SIZE 52428800\\n250-8BITMIME\\n'
    b"250-SMTPUTF8\\n250-CHUNKING\\n250-STARTTLS\\n250-DSN\\n250-PRDR\\n250-LIMITS RCPTMAX=1000\\n"
    b'250 ENHANCEDSTATUSCODES",[]],"STARTTLS","220 2.0.0 Ready to start TLS",[]],"221 2.0.0 Goodbye",[]]'
    b'"DATA","354 Start mail input; end with <CRLF>.<CRLF>",[]],"<content>","250 2.0.0 OK ",[["network",'
    b'"pass","",""],["hello","pass","","sender","pass","","content","clean","scan","clean","",""],'
    b'"MAIL FROM:< SIZE=","250 2.1.0 Sender OK",[]],"RCPT TO:<","250 2.1.5 Recipient OK",[]],'
    b'"EHLO mail.example.org","250-"]]],["","220 ESMTP Clement",[]],"QUIT",'
)


def fit(text: str, limit: int) -> str:
    """The text, at most `limit` characters long and without what a database refuses."""
    if len(text) <= limit and text.isascii() and "\0" not in text:
        return text
    return repaired(text)[:limit]


def repaired(text: str) -> str:
    """The text with NUL and lone surrogates as escapes."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def packed(notes: Sequence[Exchange] | Sequence[FindingNote]) -> bytes:
    """Exchanges or findings as compressed JSON, b"" for none."""
    if not notes:
        return b""
    try:
        plain = msgspec.json.encode(notes)
    except UnicodeEncodeError:
        plain = msgspec.json.encode(_repaired_throughout(msgspec.to_builtins(notes)))
    # Raw deflate (RFC 1951) at the lowest effort: 7 µs, and a third of what goes to the disk.
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 5, zlib.Z_DEFAULT_STRATEGY, DICTIONARY_1)
    return WITH_DICTIONARY_1 + packer.compress(plain) + packer.flush()


def unpacked(stored: bytes, note: type[Note]) -> tuple[Note, ...]:
    """What `packed` packed. Raises ValueError when it is damaged or was packed by a newer program."""
    if not stored:
        return ()
    kind, rest = bytes(stored[:1]), bytes(stored[1:])
    if kind == PLAIN:
        plain = rest
    elif kind == WITH_DICTIONARY_1:
        plain = _inflated(rest)
    else:
        raise ValueError("packed by a newer program")
    try:
        return msgspec.json.decode(plain, type=tuple[note, ...])  # type: ignore[valid-type]
    except msgspec.MsgspecError as reason:
        raise ValueError(f"damaged: {reason}") from reason


def _inflated(rest: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS, DICTIONARY_1).decompress(rest)
    except zlib.error as reason:
        raise ValueError(f"damaged: {reason}") from reason


def _repaired_throughout(value: object) -> object:
    if isinstance(value, str):
        return repaired(value)
    if isinstance(value, list | tuple):
        return [_repaired_throughout(part) for part in value]
    return value
