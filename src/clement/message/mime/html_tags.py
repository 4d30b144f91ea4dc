"""HTML cut into tags and text as the tokenizer of the standard does it (WHATWG HTML §13.2.5), in linear time.

Not a tree: parsers that build one take quadratic time for some inputs, as the standard has it (100 000 nested
elements, or one with 100 000 attributes, keep lexbor busy for a minute or two), and no tree is needed here.
A tag that the input ends in is none, and nor is what stands behind its "<".

A page is cut in one pass by the looks of its markup, and each tag is taken apart once, however often it is
repeated. Where looks do not tell (an odd quote, say), the cut is mended.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate

from clement.message.mime.html_elements import ACTS, BREAKS, RAW_TEXT
from clement.message.mime.html_odd import odd_tag, raw_end

BREAK = "\0"
"""The end of a line, in a text that has line feeds as it pleases."""

# What is a tag if its quotes are in order; what is not shown; else markup that needs a closer look. What
# follows is told by its first characters everywhere, so that a failure costs no more than the length of the
# tag.
_TOKEN = re.compile(
    r"""(<[A-Za-z/][^<>]*>
    |<!--(?!-?>)[^-]*(?:-[^-]+)*-->
    |<[!?](?!--)[^>]*(?:>|\Z)
    |<(?=[A-Za-z/!?]))""",
    re.VERBOSE,
)
# A tag as nearly all are: quotes only around whole values.
_ORDINARY = re.compile(
    r"""<(/?)([A-Za-z][^\s/><"'=]*)(?=[\s/>])
    ([^><"'=]*(?:=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s><"'=]+(?=[\s>]))[^><"'=]*)*)>""",
    re.VERBOSE,
)
_NOT_SHOWN = re.compile(r"<(?:[!?]|/[^A-Za-z])|\Z")
_ATTRIBUTES = re.compile(r"""([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")
_TEMPLATE = "template"
_CACHED_CHARS = 60


class Tag:
    """name: in lower case, "" for what is no tag. attributes: as written. line_end: BREAK or "".

    acts: whether it begins something that leads somewhere or does something, or a link, or ends one. raw:
    whether what is inside is text of another kind.
    """

    __slots__ = ("_values", "acts", "attributes", "closes", "line_end", "name", "raw")

    def __init__(self, slash: str, name: str, attributes: str) -> None:
        self.name = name = name.lower()
        self.attributes = attributes
        self.line_end = BREAK if name in BREAKS else ""
        self.closes = slash != ""
        self.acts = name == "a" if slash else name in ACTS
        self.raw = not slash and name in RAW_TEXT
        self._values: dict[str, str] | None = None

    @property
    def values(self) -> dict[str, str]:
        """Attributes by name in lower case."""
        if self._values is None:
            self._values = attribute_values(self.attributes)
        return self._values


_NONE = Tag("", "", "")
_ODD = Tag("", "", "")


class Markup:
    """A page as texts and the token behind each, "" behind the last; `tags` has what the tokens mean.

    Left out are raw texts, and what is in templates.
    """

    __slots__ = ("tags", "texts", "tokens")

    def __init__(self, html: str) -> None:
        pieces = _TOKEN.split(html)
        self.texts, self.tokens = pieces[0::2], [*pieces[1::2], ""]
        self.tags = {token: _tag(token) for token in dict.fromkeys(self.tokens)}
        closer = {token for token, tag in self.tags.items() if tag.raw or tag is _ODD}
        if closer:
            mended = _Mended(html, pieces, self.tags)
            mended.mend([index for index, token in enumerate(self.tokens) if token in closer])
            self.texts, self.tokens = mended.texts, mended.tokens
            self.tags = {token: self.tags[token] for token in dict.fromkeys(self.tokens)}
        if any(tag.name == _TEMPLATE for tag in self.tags.values()):
            self._leave_out_templates()

    def _leave_out_templates(self) -> None:
        inside = False
        for index, token in enumerate(self.tokens):
            tag = self.tags[token]
            if inside:
                self.texts[index] = ""
                inside = tag.name != _TEMPLATE or not tag.closes
                self.tokens[index] = token if not inside else ""
            else:
                inside = tag.name == _TEMPLATE and not tag.closes
        self.tags = {token: self.tags.get(token, _NONE) for token in dict.fromkeys(self.tokens)}


class _Mended:
    """A page cut by looks, in `pieces`, whose texts and tokens become those of the standard."""

    def __init__(self, html: str, pieces: list[str], tags: dict[str, Tag]) -> None:
        self._html = html
        self._tags = tags
        self._pieces = pieces
        ends = list(accumulate(map(len, pieces)))
        self._starts, self._ends = ends[0::2], ends[1::2]
        self.texts: list[str] = []
        self.tokens: list[str] = []

    def mend(self, doubtful: list[int]) -> None:
        """doubtful: the indices of the tokens that need a closer look."""
        pieces = self._pieces
        position = index = 0  # the token at `index`, and all behind it, are right from `position` on
        for each in doubtful:
            if each < index:
                continue
            self.texts.append(self._html[position : self._starts[index]])
            self.texts += pieces[2 * index + 2 : 2 * each + 1 : 2]
            self.tokens += pieces[2 * index + 1 : 2 * each : 2]
            position = self._behind(self._starts[each], pieces[2 * each + 1])
            index = bisect_left(self._starts, position, each + 1)
            while position >= 0 and self._ends[index - 1] > position:
                position = self._next(position)
                index = bisect_left(self._starts, position, index)
            if position < 0:
                return
        self.texts.append(self._html[position : self._starts[index]])
        self.texts += pieces[2 * index + 2 :: 2]
        self.tokens += [*pieces[2 * index + 1 :: 2], ""]

    def _next(self, position: int) -> int:
        """Read on from `position` to behind the next token."""
        match = _TOKEN.search(self._html, position)
        if match is None:
            self.texts.append(self._html[position:])
            self.tokens.append("")
            return -1
        self.texts.append(self._html[position : match.start()])
        return self._behind(match.start(), match[0])

    def _behind(self, start: int, token: str) -> int:
        """The position behind the markup at `start` that looks like `token`; -1 when the page ends in it."""
        tag = self._tags.get(token) or _tag(token)
        position = start + len(token)
        if tag is _ODD:
            slash, name, attributes, position = odd_tag(self._html, start)
            if position < 0:
                self.tokens.append("")
                return -1
            tag = Tag(slash, name, attributes) if name else _NONE
            token = self._html[start:position]
        self._tags[token] = tag
        self.tokens.append(token)
        if tag.raw:
            end, position = raw_end(self._html, tag.name, position)
            token = self._html[end:position]
            self._tags.setdefault(token, Tag("/", tag.name, ""))
            self.texts.append("")
            self.tokens.append(token)
        return position


def attribute_values(attributes: str) -> dict[str, str]:
    """Attributes by name in lower case; the first of each counts. Values still have character references."""
    found = _ATTRIBUTES.findall(attributes)
    found.reverse()
    return {name.lower(): double or single or bare for name, double, single, bare in found}


def _tag(token: str) -> Tag:
    return _short_tag(token) if len(token) <= _CACHED_CHARS else _long_tag(token)


def _long_tag(token: str) -> Tag:
    if match := _ORDINARY.fullmatch(token):
        return Tag(*match.groups())
    return _NONE if _NOT_SHOWN.match(token) else _ODD


_short_tag = lru_cache(maxsize=2048)(_long_tag)
