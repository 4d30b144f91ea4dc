r"""Foreign text made fit to be shown: bounded, and nothing in it that a terminal, a log or a reader misreads.

Escapes are those of Python and JSON (`\x1b`, `\u202e`), so that what stood there can still be told.
"""

from __future__ import annotations

import re

ELLIPSIS = "…"
# Line separators of Unicode, controls, direction overrides, surrogates, private use: whatever is not
# printable, apart from the spaces of other scripts.
_MISLEADING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ue000-\uf8ff\ufeff"
    "\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str, max_chars: int) -> str:
    """`text` with nothing misleading in it; beyond `max_chars` characters cut, an ellipsis at the end."""
    if len(text) > max_chars:
        text = text[: max_chars - 1] + ELLIPSIS
    if text.isprintable():
        return text
    text = _MISLEADING.sub(_escape, text)
    return text if len(text) <= max_chars else text[: max_chars - 1] + ELLIPSIS


def decoded(octets: bytes) -> str:
    """Raw header octets as text: ASCII, else UTF-8 (RFC 6532), else with U+FFFD where they are neither."""
    return octets.decode("utf-8", "replace")
