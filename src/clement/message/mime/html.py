"""A page of HTML as a person would see it: the visible text, the links, and what is peculiar about it.

Elements that begin a line give a line break, others nothing, so that a word stays one however it is marked
up. Text that cannot be seen is left out. Linear in the source.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

from clement.message.mime.html_references import unescaped
from clement.message.mime.html_style import ORDINARY, Look, look
from clement.message.mime.html_tags import BREAK, Markup
from clement.message.mime.html_veil import may_veil, veiled
from clement.message.mime.text_links import links_in_text
from clement.message.reading import Link, Origin
from clement.message.text import visible

_MAX_ANCHOR_TAGS = 500
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
_HANDLER = re.compile(r"[\s\"'/]on[a-z]{3,20}\s*=")


class Page:
    """What was read of one page. signs: each once."""

    __slots__ = ("links", "signs", "text")

    def __init__(self, html: str, max_links: int, max_chars: int, max_text_chars: int) -> None:
        reader = _Reader(Markup(html), max_links, max_chars, max_text_chars)
        reader.read()
        self.text = reader.text()
        self.links = tuple(reader.links)
        self.signs = tuple(reader.signs)


def _shown(text: str) -> str:
    """Text with white space as it is shown: one space between words, lines as marked."""
    lines = [" ".join(words) for line in text.split(BREAK) if line and (words := line.split())]
    return "\n".join(lines)


class _Reader:
    def __init__(self, markup: Markup, max_links: int, max_chars: int, max_text_chars: int) -> None:
        self._markup = markup
        self._max_links = max_links
        self._max_chars = max_chars
        self._max_text_chars = max_text_chars
        self.links: list[Link] = []
        self.signs: dict[str, None] = {}
        line_ends = {token: tag.line_end for token, tag in markup.tags.items()}
        # Texts and line ends by turns: the text in front of a tag stands at twice its index.
        self._shown = markup.texts + markup.texts
        self._shown[0::2] = markup.texts
        self._shown[1::2] = [line_ends[token] for token in markup.tokens]
        self._unseen: set[int] = set()
        self._anchor: tuple[str, int] | None = None
        self._linked_texts: list[str] = []
        self._base = ""

    def read(self) -> None:
        """Find what cannot be seen, then links and whatever else elements do."""
        markup = self._markup
        looks = self._looks()
        if looks and may_veil(looks):
            self._hide(veiled(markup, looks))
        tokens, tags = markup.tokens, markup.tags
        acting = {token for token, tag in tags.items() if tag.acts}
        for index in [index for index, token in enumerate(tokens) if token in acting]:
            tag = tags[tokens[index]]
            if tag.name == "a":
                self._end_anchor(index)
                # When there are too many links already, one more says nothing.
                if not tag.closes and "many-links" not in self.signs and "href" in tag.values:
                    self._anchor = (tag.values["href"], index + 1)
            else:
                self._act(index, tag.name, tag.values)
        self._end_anchor(len(tokens) - 1)

    def text(self) -> str:
        """What can be seen."""
        text = "".join(self._shown)
        text = unescaped(text.replace("&nbsp;", " "))
        text = _shown(text)
        if not text.isascii() and len(_ZERO_WIDTH.findall(text)) >= _MANY_ZERO_WIDTH:
            self.signs["zero-width"] = None
        if "many-links" not in self.signs:
            self._link_text(text)
        return text if text.isascii() else _ZERO_WIDTH.sub("", text)

    def _looks(self) -> dict[str, Look]:
        """Attributes that have an influence on what is seen, with it."""
        looks = {}
        for attributes in dict.fromkeys([tag.attributes for tag in self._markup.tags.values()]):
            if not attributes:
                continue
            lowered = attributes.lower()
            if (
                "style" in lowered
                or "color" in lowered
                or "hidden" in lowered
                or "text=" in lowered
                or ("on" in lowered and _HANDLER.search(lowered))
            ) and (seen := look(attributes)) is not ORDINARY:
                looks[attributes] = seen
                if seen.acts:
                    self.signs["script"] = None
                if seen.url:
                    self._link(seen.url, "", Origin.STYLE)
        return looks

    def _hide(self, unseen: list[int]) -> None:
        for index in unseen:
            text = self._shown[2 * index]
            if text:
                if "hidden-text" not in self.signs and unescaped(text).strip(_BLANK):
                    self.signs["hidden-text"] = None
                self._shown[2 * index] = ""
        self._unseen = set(unseen)

    def _link_text(self, text: str) -> None:
        """What readers make a link of, though the page does not."""
        found = links_in_text(text, self._max_links)
        if found:
            linked = set(links_in_text("\n".join(self._linked_texts), self._max_links))
            for target in found:
                if target not in linked:
                    self._link(target, target, Origin.TEXT)

    def _add(self, index: int, text: str) -> None:
        """A text that stands for the tag at `index`."""
        if index + 1 not in self._unseen:
            self._shown[2 * index + 2] = f" {text} {self._shown[2 * index + 2]}"

    def _act(self, index: int, name: str, values: dict[str, str]) -> None:
        match name:
            case "img":
                self._image(index, values)
            case "base":
                self._base = self._base or unescaped(values.get("href", ""))[: self._max_chars]
            case "meta":
                self._meta(values)
            case "form" | "input" | "button":
                self._form(index, name, values)
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

    def _image(self, index: int, values: dict[str, str]) -> None:
        self._link(values.get("src", ""), values.get("alt", ""), Origin.IMAGE)
        if values.get("width", "") in {"0", "1"} and values.get("height", "") in {"0", "1"}:
            self.signs["tiny-image"] = None
        if alternative := values.get("alt"):
            self._add(index, alternative)

    def _form(self, index: int, name: str, values: dict[str, str]) -> None:
        self.signs["form"] = None
        if name == "form":
            self._link(values.get("action", ""), "", Origin.FORM)
            return
        kind = values.get("type", "").lower()
        if kind == "password":
            self.signs["password-field"] = None
        if kind in {"submit", "button"} and values.get("value"):
            self._add(index, values["value"])
        self._link(values.get("formaction", ""), "", Origin.FORM)

    def _active(self, name: str, values: dict[str, str]) -> None:
        if sign := _ACTIVE.get(name):
            self.signs[sign] = None
        for attribute in ("src", "href", "data", "code"):
            if attribute in values:
                origin = Origin.ANCHOR if attribute == "href" else Origin.IMAGE
                self._link(values[attribute], "", origin)

    def _end_anchor(self, index: int) -> None:
        """The anchor that is open, if any, ends in front of the tag at `index`."""
        if self._anchor is None:
            return
        target, start = self._anchor
        self._anchor = None
        end = min(index, start + _MAX_ANCHOR_TAGS)
        text = "".join(self._shown[2 * start : 2 * end + 1])[: 4 * self._max_text_chars]
        text = unescaped(text)
        if "://" in text or "www." in text:
            self._linked_texts.append(text)
        self._link(target, " ".join(text.replace(BREAK, " ").split()), Origin.ANCHOR)

    def _link(self, target: str, text: str, origin: Origin) -> None:
        if not target:
            return
        if len(self.links) >= self._max_links:
            self.signs["many-links"] = None
            return
        # Browsers drop these characters wherever they stand in a URL (WHATWG URL §4.4).
        if "&" in target:
            target = unescaped(target[: 2 * self._max_chars])
        target = target[: self._max_chars].strip()
        if not target.isprintable():
            target = target.translate(_DROPPED)
        if not target.startswith("http"):
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
