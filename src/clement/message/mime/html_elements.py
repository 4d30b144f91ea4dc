"""Which elements of HTML do what to a text that is read. WHATWG HTML §4 and §15.3 (rendering)."""

from __future__ import annotations


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# They begin and end a line.
BREAKS = _names(
    """
    address article aside blockquote body br caption center dd details dir div dl dt fieldset
    figcaption figure footer form frame h1 h2 h3 h4 h5 h6 head header hr html legend li main menu
    nav ol option p pre section select summary table tbody td tfoot th thead tr ul
    """
)
# They have no end tag.
VOID = _names(
    """
    area base br col embed frame hr img input link meta param source track wbr
    """
)
# They lead somewhere, or do something.
ACTS = _names(
    """
    a applet area audio base body button embed form frame iframe img input isindex link math meta
    object script svg v:fill v:rect v:roundrect video
    """
)
# What is inside is text of another kind, in which nothing is a tag but its end.
RAW_TEXT = _names("iframe noembed noframes script style textarea title xmp")

_PARAGRAPH_ENDS = _names("p div table ul ol dl center form pre hr h1 h2 h3 h4 h5 h6")
# A start tag ends these when they stand on top of what is open (WHATWG HTML §13.1.2.4).
ENDS = {
    **dict.fromkeys(_PARAGRAPH_ENDS, _names("p")),
    "li": _names("li p"),
    "td": _names("td th p"),
    "th": _names("td th p"),
    "tr": _names("td th tr p"),
    "dd": _names("dd dt p"),
    "dt": _names("dd dt p"),
    "option": _names("option"),
}
