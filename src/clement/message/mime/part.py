"""What a MIME walk yields: parts as ranges of octets, and what is wrong with them. Values, no behaviour."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, gc=False):
    """One entity of a message (RFC 2045 §2.4). Texts are bounded and printable.

    number: as in IMAP (RFC 9051 §6.4.5.1), "1.2"; "" for the message itself, "2.TEXT" for a multipart that is
    the message in part 2. What only some readers see has a tilde in it: "1~2" is another reading of part 1,
    "1~2.3" a part of that, "1~u1" a file in the text of part 1 (see `walk`).
    type: declared media type in lower case, "text/plain" where none is declared.
    encoding: the transfer encoding that is applied to read it.
    names: every reading of its file name, the one most readers show first; () when it has none.
    header, body: ranges [start, end) in `within` where that is not empty, else in the octets that were
    walked; body still encoded. `decode.decoded` and `decode.encoded_body` know where to look.
    parent: index of the entity around it, -1 for the message itself.
    within: decoded octets, of an encoded multipart or message, a winmail.dat or a text, in which it stands.
    """

    number: str
    type: str
    charset: str
    encoding: str
    disposition: str
    names: tuple[str, ...]
    content_id: str
    header: tuple[int, int]
    body: tuple[int, int]
    parent: int
    depth: int
    defects: tuple[str, ...] = ()
    within: bytes = b""


class Walk(msgspec.Struct, frozen=True):
    """The structure of one message.

    parts: in the order in which they stand, the message itself first.
    defects: of all parts, each once (`defects.MimeDefect`). over_budget: the limit that ended the walk early
    ("depth", "parts", "header", "boundary", "delimiters", "decoded", "work"), "" when none did.
    """

    parts: tuple[Part, ...]
    defects: tuple[str, ...] = ()
    over_budget: str = ""
