"""Addresses in header fields: From, Sender, Reply-To and their like (RFC 5322 §3.4), obsolete forms included.

The one parser for every purpose, so that what is checked is what is shown. Where readers of mail may see
different addresses in a value, `clear` is false and each of them is among the mailboxes: `<a@x>:<b@y>` has
two. Faults that change no address (`a@x <a@x>`, `Shop, Inc. <a@x>`) only make it not `well_formed`.
Envelope paths are not these: see `clement.smtp.address`. Linear time.

    mailbox = [[phrase] CFWS] "<" [obs-route] addr-spec ">" / addr-spec
    group   = phrase ":" [mailbox *("," mailbox)] ";"            addr-spec = local-part "@" domain
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from clement.message.encoded_words import decode_words
from clement.message.text import visible
from clement.smtp import grammar
from clement.smtp.address import MAX_DOMAIN_OCTETS, AddressError, Mailbox, parse_domain

MAX_VALUE_CHARS = 8192
MAX_MAILBOXES = 100
MAX_NAME_CHARS = 120
MAX_LOCAL_PART_CHARS = 256

_LOCAL = grammar.DOT_LOCAL_PART.pattern
_DOMAIN = grammar.ASCII_DOMAIN.pattern
# What nearly every From looks like; must agree with the full parser (a property test holds them together).
_PLAIN = re.compile(rf'(?:"([^"\\]*+)" *+|([A-Za-z0-9!#$%&\'*+/=?^_`{{|}}~\- .]*+))<({_LOCAL})@({_DOMAIN})>')
_BARE = re.compile(rf"({_LOCAL})@({_DOMAIN})")

# An unclosed quote or bracket is one token up to where it fails: nothing is looked at twice.
_TOKEN = re.compile(
    r"""
      (?P<space>   [ \t\r\n]++ )
    | (?P<word>    [^\x00-\x20\x7f()<>\[\]:;@\\,"]++ )
    | (?P<quoted>  "(?:[^"\\]|\\.)*" )
    | (?P<literal> \[(?:[^\[\]\\]|\\.)*\] )
    | (?P<special> [<>:;@,(] )
    | (?P<bad>     "(?:[^"\\]|\\.)* | \[(?:[^\[\]\\]|\\.)* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_PART = re.compile(r"[^()\\]*+(?:\\.?|[()])", re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


class HeaderMailbox(msgspec.Struct, frozen=True, gc=False):
    """A mailbox of a header field. `name` is decoded, bounded and visible; "" when there is none."""

    name: str
    mailbox: Mailbox

    @property
    def address(self) -> str:
        """local-part@domain."""
        return str(self.mailbox)


class AddressList(msgspec.Struct, frozen=True):
    """What a field names.

    groups: the names of its groups, which may be empty of mailboxes.
    well_formed: as RFC 5322 wants it. clear: its mailboxes are beyond doubt, well-formed or not.
    """

    mailboxes: tuple[HeaderMailbox, ...] = ()
    groups: tuple[str, ...] = ()
    well_formed: bool = True
    clear: bool = True


class _Token(NamedTuple):
    kind: str
    text: str


def parse_address_list(value: str) -> AddressList:
    """Read the unfolded value of an address field. Never raises; beyond the bounds it is not well-formed."""
    text = value.strip(" \t")
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return _plain(plain[1] or plain[2] or "", plain[3], plain[4])
    bare = _BARE.fullmatch(text)
    if bare is not None:
        return _plain("", bare[1], bare[2])
    return _Reader().read(text)


def _plain(name: str, local_part: str, domain_text: str) -> AddressList:
    domain, known = _domain(domain_text)
    known = known and len(local_part) <= MAX_LOCAL_PART_CHARS
    mailbox = Mailbox(local_part[:MAX_LOCAL_PART_CHARS], domain)
    return AddressList((HeaderMailbox(_name(name), mailbox),), (), known, known)


def _name(text: str) -> str:
    return visible(decode_words(" ".join(text.split())), MAX_NAME_CHARS) if text else ""


def _domain(text: str) -> tuple[str, bool]:
    """The domain in normal form and True; or, when it is none, something to show and False."""
    try:
        return parse_domain(text), True
    except AddressError:
        return visible(text.lower(), MAX_DOMAIN_OCTETS), False


class _Reader:
    """Takes a list apart, element by element."""

    __slots__ = ("_clear", "_groups", "_mailboxes", "_well_formed")

    def __init__(self) -> None:
        self._mailboxes: list[HeaderMailbox] = []
        self._groups: list[str] = []
        self._well_formed = True
        self._clear = True

    def read(self, text: str) -> AddressList:
        if len(text) > MAX_VALUE_CHARS:
            self._clear = False
            text = text[:MAX_VALUE_CHARS]
        element: list[_Token] = []
        in_angle = in_group = False
        for token in self._tokens(text):
            if token.kind != "special" or in_angle or token.text in "<@>":
                element.append(token)
                in_angle = token.text == "<" or (in_angle and token.text != ">")
                continue
            if token.text == ":":
                in_group = self._begin_group(element, in_group=in_group)
            else:
                self._element(element)
                if token.text == ";":
                    self._well_formed = self._well_formed and in_group
                    in_group = False
            element = []
        self._element(element)
        well_formed = self._well_formed and self._clear and not in_group
        return AddressList(tuple(self._mailboxes), tuple(self._groups), well_formed, self._clear)

    def _tokens(self, text: str) -> Iterator[_Token]:
        """Words, quoted strings, literals and specials; comments and white space are left out (CFWS)."""
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:  # cannot be: the last alternative takes anything
                return
            kind = match.lastgroup or "bad"
            position = match.end()
            if match[0] == "(":
                position = self._skip_comment(text, position)
            elif kind == "bad":
                self._clear = False
            elif kind != "space":
                yield _Token(kind, match[0])

    def _skip_comment(self, text: str, position: int) -> int:
        depth = 1
        while depth:
            part = _COMMENT_PART.match(text, position)
            if part is None:
                self._clear = False
                return len(text)
            position = part.end()
            depth += {"(": 1, ")": -1}.get(text[position - 1], 0) if "\\" not in part[0][-2:] else 0
        return position

    def _begin_group(self, element: list[_Token], *, in_group: bool) -> bool:
        address_like = any(token.kind == "special" for token in element)
        if in_group or not element or address_like:
            self._well_formed = False
            self._clear = self._clear and not address_like
            self._element(element)
            return in_group
        self._groups.append(_phrase(element))
        return True

    def _element(self, element: list[_Token]) -> None:
        if not element:
            return  # obs-mbox-list allows empty elements
        if len(self._mailboxes) >= MAX_MAILBOXES:
            self._clear = False
            return
        texts = [token.text if token.kind == "special" else "" for token in element]
        if texts[-1] == ">" and texts.count("<") == texts.count(">") == 1:
            start = texts.index("<")
            # A phrase holds neither of these; readers take it for the name all the same.
            odd = "@" in texts[:start] or any(token.kind == "literal" for token in element[:start])
            self._well_formed = self._well_formed and not odd
            self._addr_spec(_without_route(element[start + 1 : -1]), _phrase(element[:start]))
        elif "<" in texts or ">" in texts:
            self._every_address(element)
        else:
            self._addr_spec(element, "")

    def _addr_spec(self, tokens: list[_Token], name: str) -> None:
        ats = [index for index, token in enumerate(tokens) if token == ("special", "@")]
        specials = sum(token.kind == "special" for token in tokens)
        if len(ats) != 1 or specials != 1 or ats[0] in {0, len(tokens) - 1}:
            self._every_address(tokens)
            return
        local_part, known_local = _local_part(tokens[: ats[0]])
        domain_text, joined = _joined(tokens[ats[0] + 1 :])
        joined = joined and _joined(tokens[: ats[0]])[1]
        domain, known_domain = _domain(domain_text)
        self._well_formed = self._well_formed and known_local
        self._clear = self._clear and joined and known_domain
        self._mailboxes.append(HeaderMailbox(name, Mailbox(local_part, domain)))

    def _every_address(self, tokens: list[_Token]) -> None:
        """All that might be an address, from an element that is none; a bare name is none to anybody."""
        self._well_formed = False
        self._clear = self._clear and all(token.kind != "special" for token in tokens)
        for before, at, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
            if at == ("special", "@") and len(self._mailboxes) < MAX_MAILBOXES:
                local_part, _ = _local_part([before])
                self._mailboxes.append(HeaderMailbox("", Mailbox(local_part, _domain(after.text)[0])))


def _without_route(tokens: list[_Token]) -> list[_Token]:
    """`@a,@b:c@d` names c@d (obs-route, RFC 5322 §4.4)."""
    if tokens and tokens[0].text == "@" and ("special", ":") in tokens:
        return tokens[tokens.index(_Token("special", ":")) + 1 :]
    return tokens


def _phrase(tokens: list[_Token]) -> str:
    return _name(" ".join(_unquoted(token) for token in tokens))


def _unquoted(token: _Token) -> str:
    return _QUOTED_PAIR.sub(r"\1", token.text[1:-1]) if token.kind == "quoted" else token.text


def _local_part(tokens: list[_Token]) -> tuple[str, bool]:
    if len(tokens) == 1 and tokens[0].kind == "quoted":
        text, known = _unquoted(tokens[0]), True
    else:
        text, joined = _joined(tokens)
        known = joined and grammar.DOT_LOCAL_PART.fullmatch(text) is not None
    shown = visible(text, MAX_LOCAL_PART_CHARS)
    return shown, known and shown == text


def _joined(tokens: list[_Token]) -> tuple[str, bool]:
    """The words without what stood between them, and whether a dot stands at every seam (obs-domain)."""
    texts = [_unquoted(token) for token in tokens]
    seams = all(left.endswith(".") or right.startswith(".") for left, right in pairwise(texts))
    return "".join(texts), seams
