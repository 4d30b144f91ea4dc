"""What can be wrong with the MIME structure of a message, each with one name. Facts; none is a verdict.

Most are harmless and common. Those in AMBIGUOUS are what readers of mail are known to read differently, so
that one of them may show what another does not have (draft-chen-email-mime-ambiguity-defense).
"""

from __future__ import annotations

from enum import StrEnum


class MimeDefect(StrEnum):
    """A deviation from RFC 2045, RFC 2046, RFC 2047 or RFC 2231, or a structure that hides things."""

    # Header of an entity
    NO_BLANK_LINE = "no-blank-line"
    """Its header runs to its end, or into a line that is no field."""
    NOT_A_FIELD = "line-without-field-name"
    HEADER_NUL = "nul-in-part-header"
    HEADER_BARE_CR = "bare-cr-in-part-header"
    HEADER_EIGHT_BIT = "8-bit-in-part-header"
    SEVERAL_TYPES = "several-content-types"
    SEVERAL_ENCODINGS = "several-transfer-encodings"
    SEVERAL_DISPOSITIONS = "several-dispositions"
    TYPE_SYNTAX = "content-type-syntax"
    PARAMETER_SYNTAX = "parameter-syntax"
    PARAMETER_REPEATED = "parameter-repeated"
    PARAMETER_SECTIONS = "parameter-sections"
    """Continuations (RFC 2231 §3) with gaps, repeated numbers, or beside a plain value."""
    PARAMETER_ENCODED_WORD = "encoded-word-in-parameter"
    PARAMETER_COMMENT = "comment-in-parameters"
    NAME_LONG = "file-name-too-long"
    NAME_CONTROL = "control-in-file-name"
    NAMES_DIFFER = "several-file-names"
    CHARSETS_DIFFER = "several-charsets"

    # Multiparts
    BOUNDARY_MISSING = "boundary-missing"
    BOUNDARY_EMPTY = "boundary-empty"
    BOUNDARIES_DIFFER = "several-boundaries"
    BOUNDARY_LONG = "boundary-too-long"
    BOUNDARY_SYNTAX = "boundary-syntax"
    BOUNDARY_NOT_FOUND = "boundary-not-found"
    BOUNDARY_OF_OUTER = "boundary-of-outer-multipart"
    BOUNDARY_SIMILAR = "boundary-followed-by-more"
    NO_END = "end-boundary-missing"
    AFTER_END = "boundary-after-end"
    BARE_CR_BOUNDARY = "boundary-after-bare-cr"
    COMPOSITE_ENCODED = "encoded-composite"
    """A multipart or message in base64 or quoted-printable, which RFC 2045 §6.4 forbids."""
    CONTENT_IN_PREAMBLE = "content-in-preamble"
    CONTENT_IN_EPILOGUE = "content-in-epilogue"
    PARTIAL = "message-partial"
    EXTERNAL_BODY = "message-external-body"

    # Bodies
    ENCODING_UNKNOWN = "transfer-encoding-unknown"
    ENCODING_SYNTAX = "transfer-encoding-syntax"
    BASE64_ILLEGAL = "base64-illegal-characters"
    BASE64_AFTER_PADDING = "base64-after-padding"
    BASE64_TRUNCATED = "base64-truncated"
    QUOTED_PRINTABLE_BAD = "quoted-printable-bad"
    EIGHT_BIT_UNDECLARED = "8-bit-undeclared"
    UUENCODE = "uuencode-in-text"
    YENC = "yenc-in-text"
    TNEF = "tnef"
    TNEF_DAMAGED = "tnef-damaged"

    # The whole
    NUL = "nul"
    BARE_CR = "bare-cr"
    LINE_TOO_LONG = "line-longer-than-998"


AMBIGUOUS = frozenset(
    (
        MimeDefect.NOT_A_FIELD,
        MimeDefect.HEADER_NUL,
        MimeDefect.HEADER_BARE_CR,
        MimeDefect.SEVERAL_TYPES,
        MimeDefect.SEVERAL_ENCODINGS,
        MimeDefect.BOUNDARIES_DIFFER,
        MimeDefect.BOUNDARY_NOT_FOUND,
        MimeDefect.BOUNDARY_SIMILAR,
        MimeDefect.AFTER_END,
        MimeDefect.BARE_CR_BOUNDARY,
        MimeDefect.COMPOSITE_ENCODED,
        MimeDefect.CONTENT_IN_PREAMBLE,
        MimeDefect.CONTENT_IN_EPILOGUE,
        MimeDefect.ENCODING_SYNTAX,
        MimeDefect.BASE64_AFTER_PADDING,
        MimeDefect.PARTIAL,
    )
)
