"""What can be wrong with a header, each with one name. Facts for checks; none of them is a verdict."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """A deviation from RFC 5322 §2-§4 that parsers are known to read differently."""

    NOT_A_FIELD = "line-without-field-name"
    SPACE_BEFORE_COLON = "space-before-colon"
    BLANK_CONTINUATION = "blank-continuation-line"
    NO_BLANK_LINE = "no-blank-line-after-header"
    NUL = "nul-in-header"
    STRAY_CR_OR_LF = "stray-cr-or-lf"
    EIGHT_BIT = "8-bit-in-header"
    LINE_TOO_LONG = "line-longer-than-998"
    FIELD_TOO_LONG = "field-too-long"
    TOO_MANY_FIELDS = "too-many-fields"
    HEADER_TOO_LONG = "header-too-long"
    AUTHOR_SYNTAX = "author-syntax"
    """Readers of mail may see another author, or none."""
    AUTHOR_LOOSE = "author-syntax-loose"
    """Not as RFC 5322 wants it, though nobody could mistake the author."""
    AUTHOR_REPEATED = "several-from-fields"
    AUTHOR_MISSING = "no-from-field"


NONE: frozenset[Defect] = frozenset()
