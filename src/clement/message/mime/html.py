"""A page of HTML as a person would see it: the visible text, the links, and what is peculiar about it.

Elements that begin a line give a line break, others nothing, so that a word stays one however it is marked
up. Text that cannot be seen is left out. Linear in the source: what is open stands on one stack.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

from clement.message.mime.html_elements import ENDS, ROLES, Role
from clement.message.mime.html_style import ORDINARY, look, similar
from clement.message.mime.html_tags import attribute_values, tags
from clement.message.mime.text_links import links_in_text
from clement.message.reading import Link, Origin
from clement.message.text import visible

_BREAK = "\0"
_SEARCHED = 100
_BLANK = " \t\r\n\u00a0\u00ad\u034f\u200b\u200c\u200d\ufeff"
_ZERO_WIDTH = re.compile("(?<=[A-Za-z])[\u00ad\u200b-\u200d\u2060\ufeff]+(?=[A-Za-z])")
_MANY_ZERO_WIDTH = 3
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


_BREAKS, _VOID, _SILENT, _ACTS, _ENDS = map(int, Role)
_STARTS = _ACTS | _SILENT
_WORTH_A_LOOK = re.compile(r"style|hidden|color|text|\son", re.IGNORECASE)


class _Reader:
    def __init__(self, max_links: int, max_chars: int, max_text_chars: int) -> None:
        self._max_links = max_links
        self._max_chars = max_chars
        self._max_text_chars = max_text_chars
        self.links: list[Link] = []
        self.signs: dict[str, None] = {}
        self._out: list[str] = []
        self._stack: list[str] = []
        # Depths of the stack at which something begins that ends with it; -1: nothing has begun.
        self._hidden_at = self._silent_at = -1
        self._colors: list[tuple[int, str, str]] = [(-1, _BLACK, _WHITE)]
        self._watched = -1
        self._muted = False
        self._anchor: tuple[str, int] | None = None
        self._linked_texts: list[str] = []
        self._base = ""

    def read(self, html: str) -> None:
        out, stack = self._out, self._stack
        for text, slash, named, attributes in tags(html):
            if text:
                if self._muted:
                    self._hide(text)
                else:
                    out.append(text)
            if not named:
                continue
            name = named.lower()
            role = ROLES.get(name, 0)
            if role & _BREAKS:
                out.append(_BREAK)
            if not slash:
                self._open(name, role, attributes)
            elif stack and stack[-1] == name != "a" and len(stack) > self._watched:
                stack.pop()
            else:
                self._close(name)
        self._end_anchor()

    def text(self) -> str:
        """What can be seen."""
        text = "".join(self._out)
        if "&" in text:
            text = unescape(text.replace("&nbsp;", " "))
        text = shown(text)
        if not text.isascii() and len(_ZERO_WIDTH.findall(text)) >= _MANY_ZERO_WIDTH:
            self.signs["zero-width"] = None
        self._link_text(text)
        return text if text.isascii() else _ZERO_WIDTH.sub("", text)

    def _link_text(self, text: str) -> None:
        """What readers make a link of, though the page does not."""
        found = links_in_text(text, self._max_links)
        if found:
            linked = set(links_in_text("\n".join(self._linked_texts), self._max_links))
            for target in found:
                if target not in linked:
                    self._link(target, target, Origin.TEXT)

    def _hide(self, text: str) -> None:
        if self._silent_at < 0 and "hidden-text" not in self.signs and unescape(text).strip(_BLANK):
            self.signs["hidden-text"] = None

    def _add(self, text: str) -> None:
        if not self._muted:
            self._out.append(text)

    def _open(self, name: str, role: int, attributes: str) -> None:
        stack = self._stack
        if role & _ENDS:
            ends = ENDS[name]
            while stack and stack[-1] in ends:
                self._shrink(len(stack) - 1)
        if not role & _VOID:
            stack.append(name)
        if attributes or role & _STARTS:
            self._start(name, role, attributes)

    def _close(self, name: str) -> None:
        stack = self._stack
        if name == "a":
            self._end_anchor()
        for depth in range(len(stack) - 1, max(-1, len(stack) - 1 - _SEARCHED), -1):
            if stack[depth] == name:
                self._shrink(depth)
                return

    def _shrink(self, depth: int) -> None:
        """Only `depth` elements stay open."""
        del self._stack[depth:]
        if depth >= self._watched:
            return
        if self._hidden_at > depth:
            self._hidden_at = -1
        if self._silent_at > depth:
            self._silent_at = -1
        while self._colors[-1][0] > depth:
            self._colors.pop()
        self._watch()

    def _watch(self) -> None:
        """See again whether text is shown, and when that ends."""
        self._watched = max(self._hidden_at, self._silent_at, self._colors[-1][0])
        unseen = len(self._colors) > 1 and similar(*self._colors[-1][1:])
        self._muted = unseen or self._hidden_at >= 0 or self._silent_at >= 0

    def _start(self, name: str, role: int, attributes: str) -> None:
        if self._silent_at >= 0:
            return
        if role & _ACTS:
            self._act(name, attribute_values(attributes) if attributes else {})
        if role & _SILENT:
            self._silent_at = len(self._stack)
            self._watch()
        elif attributes and _WORTH_A_LOOK.search(attributes):
            self._look(role, attributes)

    def _look(self, role: int, attributes: str) -> None:
        """What the attributes do to what can be seen."""
        seen = look(attributes)
        if seen is ORDINARY:
            return
        if seen.acts:
            self.signs["script"] = None
        if seen.url:
            self._link(seen.url, "", Origin.STYLE)
        if role & _VOID:
            return
        depth = len(self._stack)
        if seen.hidden and self._hidden_at < 0:
            self._hidden_at = depth
        if seen.color or seen.ground:
            _depth, color, ground = self._colors[-1]
            self._colors.append((depth, seen.color or color, seen.ground or ground))
        self._watch()

    def _act(self, name: str, values: dict[str, str]) -> None:
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
            if attribute in values:
                origin = Origin.ANCHOR if attribute == "href" else Origin.IMAGE
                self._link(values[attribute], "", origin)

    def _end_anchor(self) -> None:
        if self._anchor is None:
            return
        target, start = self._anchor
        self._anchor = None
        text = "".join(self._out[start:])[: 4 * self._max_text_chars]
        if "&" in text:
            text = unescape(text)
        if "://" in text or "www." in text:
            self._linked_texts.append(text)
        self._link(target, " ".join(text.replace(_BREAK, " ").split()), Origin.ANCHOR)

    def _link(self, target: str, text: str, origin: Origin) -> None:
        if not target:
            return
        if len(self.links) >= self._max_links:
            self.signs["many-links"] = None
            return
        # Browsers drop these characters wherever they stand in a URL (WHATWG URL §4.4).
        if "&" in target:
            target = unescape(target[: 2 * self._max_chars])
        target = target[: self._max_chars].strip()
        if not target.isprintable():
            target = target.translate(_DROPPED)
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
