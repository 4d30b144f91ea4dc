"""What attributes say about whether an element can be seen: hidden, tiny, in the colour of its ground."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from clement.message.mime.html_tags import attribute_values

_CACHED_CHARS = 400
# Only in values that were made lower case and rid of their white space.
_HIDING = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|mso-hide:all;display:none"
    r"|font-size:0(?:\.0+)?(?:px|pt|em|rem|%|vw)?(?:!important)?(?:;|$)"
    r"|opacity:0?\.?0+(?:!important)?(?:;|$)"
    r"|text-indent:-\d{3,}|(?:left|top|margin-left):-\d{4,}"
    r"|clip:rect\(0|transform:scale\(0\))"
)
_FLAT = re.compile(r"(?:^|;)(?:max-)?(?:height|width):0(?:px|pt|em|%)?(?:!important)?(?:;|$)")
_COLOR = re.compile(r"(?:^|;)color:([^;!]{1,40})")
_GROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]{1,40})")
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b")
_RGB = re.compile(r"rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})")
_URL = re.compile(r"url\(\s*['\"]?([^'\")]{1,2048})", re.IGNORECASE)
_NAMED = {"white": "ffffff", "black": "000000", "red": "ff0000", "transparent": ""}


class Look(msgspec.Struct, frozen=True, gc=False):
    """hidden: not shown, nor is what is inside. acts: runs a script when something happens.

    color, ground: six hexadecimal digits, "" where not said. url: of a picture behind it.
    """

    hidden: bool = False
    acts: bool = False
    color: str = ""
    ground: str = ""
    url: str = ""


ORDINARY = Look()


def look(attributes: str) -> Look:
    """The look that the attributes of one element give it."""
    if len(attributes) > _CACHED_CHARS:
        return _look(attributes)
    return _cached_look(attributes)


def _look(attributes: str) -> Look:
    values = attribute_values(attributes)
    style = "".join(values.get("style", "").lower().split())
    if "&" in style or "\\" in style or "/*" in style:
        style = _plain(style)
    hidden = "hidden" in values or _HIDING.search(style) is not None
    if not hidden and "overflow:hidden" in style:
        hidden = _FLAT.search(style) is not None
    color = _color(_COLOR.search(style), values.get("color", "") or values.get("text", ""))
    ground = _color(_GROUND.search(style), values.get("bgcolor", ""))
    url = _URL.search(values.get("style", "")) if "url(" in style else None
    acts = any(name.startswith("on") for name in values)
    if not (hidden or acts or color or ground or url):
        return ORDINARY
    return Look(hidden, acts, color, ground, url[1].strip() if url else "")


_cached_look = lru_cache(maxsize=2048)(_look)
_COMMENTS = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")


def _plain(style: str) -> str:
    """CSS without comments and escapes, by which words are cut (`dis/**/play`)."""
    return _COMMENTS.sub("", style).replace("\\", "").replace("&#58;", ":").replace("&colon;", ":")


def _color(match: re.Match[str] | None, attribute: str) -> str:
    value = match[1] if match else attribute.strip().lower()
    if not value:
        return ""
    if found := _HEX.search(value):
        digits = found[1]
        return digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    if rgb := _RGB.search(value):
        return "".join(f"{min(255, int(part)):02x}" for part in rgb.groups())
    return _NAMED.get(value, "")


@lru_cache(maxsize=1024)
def similar(color: str, ground: str) -> bool:
    """Whether nobody can tell the two apart: at most 12 of 255 in each of red, green and blue."""
    if color == ground:
        return True
    return all(
        abs(int(color[part : part + 2], 16) - int(ground[part : part + 2], 16)) <= 12 for part in (0, 2, 4)
    )
