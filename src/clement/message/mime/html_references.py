"""Character references of HTML, such as "&amp;" or "&#65;". WHATWG HTML §13.2.5.72."""

from __future__ import annotations

import re
from html import unescape

_ZEROS = re.compile("&#0+(?=[0-9])")
# Unicode ends at seven digits; Python refuses to make a number of more than some thousands.
_BEYOND = re.compile("&#[0-9]{8,};?")


def unescaped(text: str) -> str:
    """`text` with characters for references to them; U+FFFD where there is no such character."""
    if "&" not in text:
        return text
    if _BEYOND.search(text):
        text = _BEYOND.sub("\N{REPLACEMENT CHARACTER}", _ZEROS.sub("&#", text))
    return unescape(text)
