"""Markup of HTML whose end its looks do not tell: where it ends as the standard has it (WHATWG HTML §13.2.5).

Whoever calls has found a "<" and behind it a letter, "/", "!" or "?". All in linear time.
"""

from __future__ import annotations

import re

from clement.message.mime.html_elements import RAW_TEXT

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/]*([^\s/>][^\s/>=]*)(?:\s*(=)\s*)?")
_SPACE = re.compile(r"[\s/]*")
_UNQUOTED = re.compile(r"[^\s>]*")
_COMMENT_END = re.compile(r"--!?>")
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW_TEXT}


def odd_tag(html: str, start: int) -> tuple[str, str, str, int]:
    """(slash, name, attributes, position behind) of markup that is no ordinary tag; -1 if it has no end.

    The name is "" for what is no tag.
    """
    match = _TAG.match(html, start)
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


def raw_end(html: str, name: str, start: int) -> tuple[int, int]:
    """The range of the end tag of an element with raw text inside, which begins at `start`."""
    end = len(html)
    if match := _RAW_ENDS[name].search(html, start):
        return match.start(), html.find(">", match.start()) + 1 or end
    return end, end


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
