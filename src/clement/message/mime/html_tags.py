"""HTML cut into tags and text as the tokenizer of the standard does it (WHATWG HTML §13.2.5), in linear time.

Not a tree: parsers that build one take quadratic time for some inputs, as the standard has it (100 000 nested
elements, or one with 100 000 attributes, keep lexbor busy for a minute or two), and no tree is needed here.
A tag that the input ends in is none, and nor is what stands behind its "<".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A tag as nearly all are: quotes only around whole values, no "<" or stray quote in it. Then what is not
# shown: a declaration, a comment. Else what needs a closer look. What follows is told by its first characters
# everywhere, so that a failure costs no more than the length of the tag.
_NEXT = re.compile(
    r"""<(/?)([A-Za-z][^\s/><"'=]*)(?=[\s/>])
    ([^><"'=]*(?:=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s><"'=]+(?=[\s>]))[^><"'=]*)*)>
    |<[!?](?!--)[^>]*>
    |<!--(?!-?>)[^-]*(?:-[^-]+)*-->
    |<(?=[A-Za-z/!?])()""",
    re.VERBOSE,
)
_ODD_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>][^\s/>=]*)(?:\s*(=)\s*)?")
_SPACE = re.compile(r"[\s/]*")
_UNQUOTED = re.compile(r"[^\s>]*")
_COMMENT_END = re.compile(r"--!?>")
ATTRIBUTES = re.compile(r"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")

# What is inside is text of another kind, in which nothing is a tag but its end.
RAW = frozenset(("iframe", "noembed", "noframes", "script", "style", "template", "textarea", "title", "xmp"))

_REALLY_RAW = RAW - {"template"}

Tag = tuple[str, str | None, str | None, str | None]


class Markup:
    """A page as four columns: each text, and of the tag behind it "/" or "", name in lower case, attributes.

    The name is "" behind the last text, for what is no tag, and for tags within RAW elements, whose text is
    left out.
    """

    __slots__ = ("attributes", "names", "slashes", "texts")

    def __init__(self, html: str) -> None:
        pieces = _NEXT.split(html)
        if "" in pieces[4::5]:
            columns = tuple(map(list, zip(*_odd_tags(html), strict=True)))
            self.texts, self.slashes, names, self.attributes = columns
        else:
            self.texts, self.slashes = pieces[0::5], [*pieces[1::5], ""]
            names, self.attributes = [*pieces[2::5], ""], [*pieces[3::5], ""]
        self.names: list[str] = [name.lower() if name else "" for name in names]
        if not RAW.isdisjoint(self.names):
            self._leave_out_raw_text()

    def _leave_out_raw_text(self) -> None:
        names, slashes, texts = self.names, self.slashes, self.texts
        inside = ""
        for index, name in enumerate(names):
            if inside:
                texts[index] = ""
                if name == inside and slashes[index]:
                    inside = ""
                else:
                    names[index] = ""
            elif name in RAW and not slashes[index]:
                inside = name


def _odd_tags(html: str) -> Iterator[Tag]:
    """The same with a closer look at each."""
    position = 0
    end = len(html)
    search = _NEXT.search
    while match := search(html, position):
        text = html[position : match.start()]
        slash, name, attributes, position = match[1], match[2], match[3], match.end()
        if match[4] is not None:
            slash, name, attributes, position = _odd(html, match.start())
            if position < 0:
                yield text, "", "", ""
                return
        yield text, slash, name, attributes
        if name and not slash and name.lower() in _REALLY_RAW:
            stop = _raw_end(html, name.lower(), position)
            yield html[position:stop], "/", name, ""
            position = html.find(">", stop) + 1 or end
    yield html[position:], "", "", ""


def attribute_values(attributes: str) -> dict[str, str]:
    """Attributes by name in lower case; the first of each counts. Values still have character references."""
    found: dict[str, str] = {}
    for name, double, single, bare in ATTRIBUTES.findall(attributes):
        found.setdefault(name.lower(), double or single or bare)
    return found


def _odd(html: str, start: int) -> tuple[str, str, str, int]:
    """(slash, name, attributes, position behind) of markup that is no ordinary tag; -1 if it has no end."""
    match = _ODD_TAG.match(html, start)
    if match is None:
        return "", "", "", _behind_declaration(html, start)
    position = match.end()
    end = len(html)
    while position < end:
        position = _SPACE.match(html, position).end()  # type: ignore[union-attr]
        if html.startswith(">", position):
            return match[1], match[2], html[match.end() : position], position + 1
        attribute = _ATTRIBUTE.match(html, position)
        if attribute is None:
            break
        position = attribute.end()
        if attribute[2]:
            quote = html[position : position + 1]
            if quote and quote in "\"'":
                position = html.find(quote, position + 1) + 1
                if not position:
                    break
            else:
                position = _UNQUOTED.match(html, position).end()  # type: ignore[union-attr]
    return "", "", "", -1


def _behind_declaration(html: str, start: int) -> int:
    """Behind a comment, a declaration or another thing that nobody sees; -1 when it does not end."""
    if html.startswith("<!--", start):
        for short in ("<!-->", "<!--->"):
            if html.startswith(short, start):
                return start + len(short)
        match = _COMMENT_END.search(html, start + 4)
        return match.end() if match else -1
    if html.startswith("<![CDATA[", start):
        return html.find(">", start) + 1 or -1
    if html.startswith("</", start) and html[start + 2 : start + 3] == "":
        return -1
    return html.find(">", start + 1) + 1 or -1


def _raw_end(html: str, name: str, start: int) -> int:
    match = _RAW_ENDS[name].search(html, start)
    return match.start() if match else len(html)


_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _REALLY_RAW}
