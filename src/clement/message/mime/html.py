"""A page of HTML as a person would see it: the visible text, the links, and what is peculiar about it.

Elements that begin a line give a line break, others nothing, so that a word stays one however it is marked
up. Text that cannot be seen is left out. Linear in the source: what is open stands on one stack.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

from clement.message.mime.html_elements import BLOCKS, ENDS, SILENT, SPECIAL, VOID
from clement.message.mime.html_style import look, similar
from clement.message.mime.html_tags import attribute_values, tags
from clement.message.mime.text_links import links_in_text
from clement.message.reading import Link, Origin
from clement.message.text import visible

_BREAK = "\0"
_LOOKED_AT = ("style", "hidden", "color", "text=")
_SEARCHED = 200
_ZERO_WIDTH = re.compile("(?<=[A-Za-z])[\u00ad\u200b-\u200d\u2060\ufeff]+(?=[A-Za-z])")
_MANY_ZERO_WIDTH = 3
_HANDLER = re.compile(r"\son[a-z]{3,20}\s*=")
_LINKING = {
    "area": ("href", Origin.ANCHOR),
    "body": ("background", Origin.IMAGE),
    "link": ("href", Origin.STYLE),
}
_ACTIVE = {
    "script": "script",
    "iframe": "iframe",
    "frame": "iframe",
    "object": "embedded-object",
    "embed": "embedded-object",
    "applet": "embedded-object",
    "svg": "svg",
    "math": "svg",
}
_REFRESH = re.compile(r"url\s*=\s*['\"]?([^'\"]{1,2048})", re.IGNORECASE)
_WHITE, _BLACK = "ffffff", "000000"


class Page:
    """What was read of one page. signs: each once."""

    __slots__ = ("links", "signs", "text")

    def __init__(self, html: str, max_links: int, max_chars: int, max_text_chars: int) -> None:
        reader = _Reader(max_links, max_chars, max_text_chars)
        reader.read(html)
        self.text = reader.text()
        self.links = tuple(reader.links)
        self.signs = tuple(reader.signs)


def shown(text: str) -> str:
    """Text with white space as it is shown: one space between words, lines as marked."""
    lines = [" ".join(line.split()) for line in text.split(_BREAK)]
    return "\n".join(line for line in lines if line)


class _Reader:
    def __init__(self, max_links: int, max_chars: int, max_text_chars: int) -> None:
        self._max_links = max_links
        self._max_chars = max_chars
        self._max_text_chars = max_text_chars
        self.links: list[Link] = []
        self.signs: dict[str, None] = {}
        self._out: list[str] = []
        self._stack: list[str] = []
        self._hidden_at = -1
        self._silent_at = -1
        self._colors: list[tuple[int, str, str]] = [(-1, _BLACK, _WHITE)]
        self._unseen = False
        self._anchor: tuple[str, int] | None = None
        self._base = ""

    def read(self, html: str) -> None:
        for text, slash, name, attributes in tags(html):
            if text and self._silent_at < 0:
                self._add(text)
            if not name:
                break
            if name in BLOCKS:
                self._out.append(_BREAK)
            if slash:
                self._close(name)
                continue
            if name not in VOID:
                self._open(name)
            if attributes:
                self._look(name, attributes)
            if name in SPECIAL:
                self._special(name, attribute_values(attributes) if attributes else {})
        self._end_anchor()

    def text(self) -> str:
        text = shown(unescape("".join(self._out)))
        if len(_ZERO_WIDTH.findall(text)) >= _MANY_ZERO_WIDTH:
            self.signs["zero-width"] = None
        return _ZERO_WIDTH.sub("", text)

    def _add(self, text: str) -> None:
        if self._hidden_at >= 0 or self._unseen:
            if (
                "hidden-text" not in self.signs
                and not text.isspace()
                and unescape(text).strip(" \u00a0\u200c\u034f\u00ad")
            ):
                self.signs["hidden-text"] = None
            return
        self._out.append(text)
        if self._anchor is None and ("://" in text or "www." in text):
            for target in links_in_text(unescape(text), self._max_links):
                self._link(target, target, Origin.TEXT)

    def _open(self, name: str) -> None:
        stack = self._stack
        if ends := ENDS.get(name):
            while stack and stack[-1] in ends:
                self._shrink(len(stack) - 1)
        stack.append(name)
        if name in SILENT and self._silent_at < 0:
            self._silent_at = len(stack)

    def _close(self, name: str) -> None:
        stack = self._stack
        if name == "a":
            self._end_anchor()
        if stack and stack[-1] == name:
            self._shrink(len(stack) - 1)
            return
        for depth in range(len(stack) - 1, max(-1, len(stack) - 1 - _SEARCHED), -1):
            if stack[depth] == name:
                self._shrink(depth)
                return

    def _shrink(self, depth: int) -> None:
        """Only `depth` elements stay open."""
        del self._stack[depth:]
        if self._hidden_at > depth:
            self._hidden_at = -1
        if self._silent_at > depth:
            self._silent_at = -1
        while self._colors[-1][0] > depth:
            self._colors.pop()
            self._unseen = len(self._colors) > 1 and similar(*self._colors[-1][1:])

    def _look(self, name: str, attributes: str) -> None:
        """What the attributes do to what can be seen."""
        lowered = attributes.lower()
        if " on" in lowered and _HANDLER.search(lowered):
            self.signs["script"] = None
        if name in VOID or not any(word in lowered for word in _LOOKED_AT):
            return
        seen = look(attributes)
        depth = len(self._stack)
        if seen.hidden and self._hidden_at < 0:
            self._hidden_at = depth
        if seen.color or seen.ground:
            _depth, color, ground = self._colors[-1]
            self._colors.append((depth, seen.color or color, seen.ground or ground))
            self._unseen = similar(*self._colors[-1][1:])
        if seen.url:
            self._link(seen.url, "", Origin.STYLE)

    def _special(self, name: str, values: dict[str, str]) -> None:
        match name:
            case "a":
                self._end_anchor()
                if "href" in values:
                    self._anchor = (values["href"], len(self._out))
            case "img":
                self._image(values)
            case "base":
                self._base = self._base or unescape(values.get("href", ""))[: self._max_chars]
            case "meta":
                self._meta(values)
            case "form" | "input" | "button":
                self._form(name, values)
            case _ if name in _LINKING:
                attribute, origin = _LINKING[name]
                self._link(values.get(attribute, ""), values.get("alt", ""), origin)
            case _:
                self._active(name, values)

    def _meta(self, values: dict[str, str]) -> None:
        if values.get("http-equiv", "").lower() == "refresh":
            self.signs["meta-refresh"] = None
            if found := _REFRESH.search(values.get("content", "")):
                self._link(found[1], "", Origin.ANCHOR)

    def _image(self, values: dict[str, str]) -> None:
        self._link(values.get("src", ""), values.get("alt", ""), Origin.IMAGE)
        if values.get("width", "") in {"0", "1"} and values.get("height", "") in {"0", "1"}:
            self.signs["tiny-image"] = None
        if alternative := values.get("alt"):
            self._add(f" {alternative} ")

    def _form(self, name: str, values: dict[str, str]) -> None:
        self.signs["form"] = None
        if name == "form":
            self._link(values.get("action", ""), "", Origin.FORM)
            return
        kind = values.get("type", "").lower()
        if kind == "password":
            self.signs["password-field"] = None
        if kind in {"submit", "button"} and values.get("value"):
            self._add(f" {values['value']} ")
        self._link(values.get("formaction", ""), "", Origin.FORM)

    def _active(self, name: str, values: dict[str, str]) -> None:
        if sign := _ACTIVE.get(name):
            self.signs[sign] = None
        for attribute in ("src", "href", "data", "code"):
            self._link(values.get(attribute, ""), "", Origin.ANCHOR if attribute == "href" else Origin.IMAGE)

    def _end_anchor(self) -> None:
        if self._anchor is None:
            return
        target, start = self._anchor
        self._anchor = None
        text = "".join(self._out[start:])
        self._link(
            target, shown(unescape(text[: 4 * self._max_text_chars])).replace("\n", " "), Origin.ANCHOR
        )

    def _link(self, target: str, text: str, origin: Origin) -> None:
        if not target:
            return
        if len(self.links) >= self._max_links:
            self.signs["many-links"] = None
            return
        # Browsers drop these characters wherever they stand in a URL (WHATWG URL §4.4).
        target = unescape(target[: 2 * self._max_chars]) if "&" in target else target
        target = target[: self._max_chars].translate(_DROPPED).strip()
        scheme = target[:30].partition(":")[0].lower()
        if scheme in _ACTIVE_SCHEMES:
            self.signs[f"{scheme}-url"] = None
        if self._base and origin is not Origin.TEXT:
            target = _joined(self._base, target)
        if target and not target.startswith("#"):
            shown_target = target if target.isprintable() else visible(target, self._max_chars)
            self.links.append(Link(shown_target, visible(text, self._max_text_chars), origin))


_DROPPED = {ord(character): None for character in "\t\r\n\0"}
_ACTIVE_SCHEMES = frozenset(("data", "javascript", "vbscript", "file", "blob"))


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target)
    except ValueError:  # brackets of an IPv6 address that is none
        return target
