"""Which messages a message answers: In-Reply-To and References (RFC 5322 §3.6.4).

msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]
"""

from __future__ import annotations

import re
from typing import Final

from clement.message.headers import fields
from clement.message.text import decoded

MOST_IDS: Final = 20
_NAMES: Final = frozenset({b"in-reply-to", b"references"})
_MESSAGE_ID: Final = re.compile(rb"<[^<>@\s]{1,200}@[^<>@\s]{1,200}>")


def answered_ids(header_block: bytes) -> tuple[str, ...]:
    """The Message-IDs it names, each once; of many, the last, which are the nearest."""
    found: dict[str, None] = {}
    for field in fields(header_block):
        if field.name.lower() in _NAMES:
            found.update((decoded(each), None) for each in _MESSAGE_ID.findall(field.unfolded))
    return tuple(found)[-MOST_IDS:]
