"""Messages that are attached to a message: what somebody forwards as an attachment (RFC 2046 §5.2.1).

Only the outer ones: what was attached to an attached message belongs to that.
"""

from __future__ import annotations

from typing import Final

from clement.message.mime.decode import decoded
from clement.message.mime.part import Part
from clement.message.mime.walk import walk

MESSAGE_TYPES: Final = frozenset({"message/rfc822", "message/global"})
_ANY_TYPE: Final = frozenset({"application/octet-stream", "application/eml", "text/plain"})
_SUFFIX: Final = ".eml"


def attached_messages(octets: bytes, at_most: int) -> tuple[bytes, ...]:
    """The first `at_most` of them, decoded. Pure; any octets will do."""
    found: list[bytes] = []
    inside: set[int] = set()
    for number, part in enumerate(walk(octets).parts):
        if part.parent in inside:
            inside.add(number)
        elif part.parent >= 0 and _is_message(part):
            inside.add(number)
            message = decoded(octets, part, len(octets))
            if message.strip() and len(found) < at_most:
                found.append(message)
    return tuple(found)


def _is_message(part: Part) -> bool:
    if part.type in MESSAGE_TYPES:
        return True
    return part.type in _ANY_TYPE and any(name.lower().endswith(_SUFFIX) for name in part.names)
