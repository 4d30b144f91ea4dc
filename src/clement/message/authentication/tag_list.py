"""Lists of tags and values, the syntax of DKIM and ARC fields and of key records.  RFC 6376 §3.2.

tag-list   =  tag-spec *( ";" tag-spec ) [ ";" ]
tag-spec   =  [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
tag-name   =  ALPHA *ALNUMPUNC
tag-value  =  [ tval *( 1*(WSP / FWS) tval ) ]      ; tval = 1*VALCHAR, printable without ";"

RFC 8616 §2 lets UTF-8 stand in values.
"""

from __future__ import annotations

import re

TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NOT_IN_LIST = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WHITE_SPACE = " \t\r\n"
_WITHOUT_WHITE_SPACE = str.maketrans("", "", _WHITE_SPACE)


class TagListError(ValueError):
    """The text is no tag-list; the words say why."""


def parse_tag_list(octets: bytes) -> dict[str, str]:
    """Values by tag in their order, without white space around them. Raises TagListError."""
    try:
        return parse_tag_text(octets.decode("utf-8"))
    except UnicodeDecodeError:
        raise TagListError("holds octets that are no UTF-8") from None


def parse_tag_text(text: str) -> dict[str, str]:
    """As `parse_tag_list`, of text."""
    if _NOT_IN_LIST.search(text):
        raise TagListError("holds a control character")
    specs = text.split(";")
    if len(specs) > 1 and not specs[-1].strip(_WHITE_SPACE):
        del specs[-1]
    tags: dict[str, str] = {}
    for spec in specs:
        name, equals, value = spec.partition("=")
        name = name.strip(_WHITE_SPACE)
        if not equals or TAG_NAME.fullmatch(name) is None:
            raise TagListError("is no list of tags")
        if name in tags:
            raise TagListError(f"has the tag {name}= twice")
        tags[name] = value.strip(_WHITE_SPACE)
    return tags


def without_white_space(value: str) -> str:
    """A value in which folding white space means nothing: base64, lists.  RFC 6376 §3.5 (b=, bh=)."""
    return value.translate(_WITHOUT_WHITE_SPACE)
