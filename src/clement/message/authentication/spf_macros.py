"""Macros of SPF: text with `%{...}` in it, taken apart once and expanded for each check.  RFC 7208 §7.

    domain-spec    = macro-string domain-end
    domain-end     = ( "." toplabel [ "." ] ) / macro-expand
    macro-string   = *( macro-expand / macro-literal )
    macro-expand   = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
    macro-literal  = %x21-24 / %x26-7E
    transformers   = *DIGIT [ "r" ]
    explain-string = *( macro-string / SP )

What the letters stand for is for the check to say; nothing here asks or waits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

MAX_NAME_CHARS = 253
MAX_LABEL_CHARS = 63

_LETTERS = frozenset("slodiphv")
_EXPLANATION_LETTERS = _LETTERS | frozenset("crt")
# Of a number of parts: nothing has more parts than so many digits can tell.
_MAX_DIGITS = 4

_TOKEN = re.compile(
    r"""
      % (?: \{ (?P<letter>[A-Za-z]) (?P<digits>[0-9]*) (?P<reverse>[rR]?) (?P<delimiters>[.\-+,/_=]*) \}
          | (?P<escaped>[%_\-]) )
    | (?P<literal>[ -$&-~]+)
    """,
    re.VERBOSE,
)
_ESCAPED = {"%": "%", "_": " ", "-": "%20"}

# toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
#            which is: letters, digits and inner hyphens, not digits alone
_TOPLABEL = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?")
_VISIBLE = re.compile(r"[ -~]+")


class SpfSyntaxError(ValueError):
    """The text is not what RFC 7208 §12 allows; the message says why, without quoting it."""


class Macro(msgspec.Struct, frozen=True, gc=False):
    """One `%{...}`. `letter` in lower case; `parts`: how many right-hand ones are kept, 0 for all."""

    letter: str
    parts: int
    reverse: bool
    delimiters: str
    url_escape: bool

    def expand(self, value: str) -> str:
        """The value of its letter, taken apart, turned round, cut and joined by dots.  §7.3."""
        if self.parts or self.reverse or self.delimiters:
            for delimiter in self.delimiters[1:]:
                value = value.replace(delimiter, self.delimiters[0])
            parts = value.split(self.delimiters[0] if self.delimiters else ".")
            if self.reverse:
                parts.reverse()
            value = ".".join(parts[-self.parts :])
        return quote(value, safe="") if self.url_escape else value


class MacroString(msgspec.Struct, frozen=True):
    """Text taken apart: literals and macros in turn, and the letters that are needed to expand it."""

    pieces: tuple[str | Macro, ...]
    letters: frozenset[str]

    def expand(self, values: Mapping[str, str], max_chars: int) -> str:
        """The text with each macro replaced by what `values` has for its letter, cut after `max_chars`."""
        expanded, chars = [], 0
        for piece in self.pieces:
            expanded.append(_expanded(piece, values))
            chars += len(expanded[-1])
            if chars >= max_chars:
                break
        return "".join(expanded)[:max_chars]


class DomainSpec(msgspec.Struct, frozen=True):
    """Where a term looks. `literal`: its target-name when it has no macros, "" when it has or is no name."""

    text: MacroString
    literal: str

    @property
    def letters(self) -> frozenset[str]:
        return self.text.letters

    def target_name(self, values: Mapping[str, str]) -> str:
        """The name to look up, "" when the expansion is none (RFC 7208 §4.8 leaves the outcome open)."""
        if self.literal or not self.letters:
            return self.literal
        # RFC 8616 §4: a local-part outside ASCII makes such a term match nothing.
        if not self.letters.isdisjoint("sl") and not values["s"].isascii():
            return ""
        # Names are cut on the left (§7.3), so the right end of a huge expansion is all that is needed.
        expanded, chars = [], 0
        for piece in reversed(self.text.pieces):
            expanded.append(_expanded(piece, values))
            chars += len(expanded[-1])
            if chars > MAX_NAME_CHARS + 1:
                break
        return query_name("".join(reversed(expanded)))


def _expanded(piece: str | Macro, values: Mapping[str, str]) -> str:
    return piece if isinstance(piece, str) else piece.expand(values[piece.letter])


def query_name(text: str) -> str:
    """`text` as a name to ask the DNS for: lower case, no final dot, "" when it is no name.

    Labels on the left are left out until it fits (§7.3).
    """
    name = text.removesuffix(".").lower()
    if len(name) > MAX_NAME_CHARS:
        name = name[-MAX_NAME_CHARS - 1 :].partition(".")[2]
    if _VISIBLE.fullmatch(name) is None:
        return ""
    return name if all(0 < len(label) <= MAX_LABEL_CHARS for label in name.split(".")) else ""


def host_domain(text: str) -> str:
    """A <domain> of check_host() in lower case, without final dot; "" when it is malformed.  RFC 7208 §4.3.

    Well formed are fully qualified names of several labels; address literals and numbers are not.
    """
    name = query_name(text) if len(text) <= MAX_NAME_CHARS + 1 else ""
    _, dot, top = name.rpartition(".")
    return name if dot and _TOPLABEL.fullmatch(top) is not None else ""


def parse_domain_spec(text: str) -> DomainSpec:
    """Raises SpfSyntaxError."""
    parsed, final_literal = _parse(text, _LETTERS)
    if not parsed.pieces:
        raise SpfSyntaxError("a domain name is missing")
    if final_literal:
        _, dot, top = final_literal.removesuffix(".").rpartition(".")
        if not dot or _TOPLABEL.fullmatch(top) is None:
            raise SpfSyntaxError("no fully qualified domain name")
    return DomainSpec(parsed, "" if parsed.letters else query_name(parsed.expand({}, len(text))))


def check_macro_string(text: str) -> None:
    """Raises SpfSyntaxError unless `text` is a macro-string, as the value of an unknown modifier must be."""
    _parse(text, _LETTERS)


def parse_explanation(text: str) -> MacroString:
    """The explain-string of a TXT record.

    Raises SpfSyntaxError.
    """
    return _parse(text, _EXPLANATION_LETTERS)[0]


def _parse(text: str, letters: frozenset[str]) -> tuple[MacroString, str]:
    """The parts of a macro-string, and the macro-literal that it ends in, "" when it ends in none."""
    pieces: list[str | Macro] = []
    used: set[str] = set()
    at, literal = 0, ""
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise SpfSyntaxError(
                "a malformed macro" if text[at] == "%" else "a character that is not allowed"
            )
        at = token.end()
        literal = token["literal"] or ""
        if token["letter"]:
            macro = _macro(token, letters)
            used.add(macro.letter)
            pieces.append(macro)
        else:
            pieces.append(literal or _ESCAPED[token["escaped"]])
    return MacroString(tuple(pieces), frozenset(used)), literal


def _macro(token: re.Match[str], letters: frozenset[str]) -> Macro:
    letter = token["letter"].lower()
    if letter not in letters:
        raise SpfSyntaxError(f"the macro letter {letter} is not allowed here")
    digits = token["digits"].lstrip("0")
    if token["digits"] and not digits:
        raise SpfSyntaxError("a macro that keeps no part")  # §7.3: the value MUST be nonzero
    parts = int(digits[:_MAX_DIGITS] or "0")
    return Macro(letter, parts, bool(token["reverse"]), token["delimiters"], token["letter"].isupper())
