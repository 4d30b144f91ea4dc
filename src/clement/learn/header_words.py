"""What the header says to the filter: named features, and its octets for those that read letters only.

Left out is whatever was written after the message reached somebody, since it tells of the reader, not of the
message, and would teach the filter to trust a stranger's word: verdicts of other filters, traces of
delivery and of mailboxes, marks of archives. Dates are left out as well: they tell when mail was collected.
The names of all fields and their order remain.

Every pass is linear in the octets, and everything is bounded.
"""

from __future__ import annotations

import re

from clement.learn.words import MAX_WORDS, Line, words_of
from clement.message.authentication.organizational_domain import organizational_domain
from clement.message.encoded_words import decode_words
from clement.message.headers import HeaderField, fields

MAX_FIELDS = 120
MAX_VALUE_CHARS = 1000
MAX_OCTETS = 3500
"""Of the header, for whom letters are all there is."""

# Names of fields, as they begin, that were not there when the message was sent, or say nothing but a time.
_FOREIGN = re.compile(
    r"x-(?:.*spam|bogosity|.*virus|mailscanner|scanned|amavis|rspamd|sa-|dspam|crm114|antiabuse|habeas|brightmail"
    r"|barracuda|proofpoint|ironport|forefront|microsoft-antispam|ms-exchange-(?:organization|antispam)"
    r"|gm-|google-smtp|google-dkim|received|original-(?:to|date)|delivered|apparently-to|resolved-to|envelope"
    r"|mail-from|originalarrivaltime|status|uid|keywords|mozilla|evolution|sieve|imapbase|url$|gmane|archive"
    r"|list-archive)"
    r"|spam|old-|status$|lines$|content-length$|delivered-to$|return-path$|envelope-|delivery-date$|xref$"
    r"|archived-at$|authentication-results$|received-spf$|arc-|dkim-signature$|domainkey-signature$"
    r"|date$|resent-date$|>from$|from "
)
# Of a trace field all but what differs each time: queue id, recipient, date (RFC 5321 §4.4).
_VARYING = re.compile(r"\b(?:id|for)\s+[^\s;]+|;[^;]*\Z", re.IGNORECASE)
_NAMES = re.compile(r"[a-z][\w.\-]*|\d+(?:\.\d+)+")
_DOMAIN = re.compile(r"@([\w.\-]{1,255})")
_MAILBOX = re.compile(r"([\w.+=\-]{1,64})@")
_TOKENS = re.compile(r"[^\s;,<>\"()]+")
_ZONE = re.compile(r"[+-]\d{4}|\b[A-Z]{3,4}\s*\Z")
_SHAPE = re.compile(r"([a-z]+)|(\d+)|([A-Z]+)")
_ADDRESSED = frozenset({"from", "reply-to", "sender", "to", "cc", "errors-to", "resent-from"})
_IDENTIFIED = frozenset({"message-id", "in-reply-to", "references", "list-id"})


class HeaderWords:
    """What one header says.

    names: features. lines: words whose neighbours count. octets: of the fields that are heeded, as written.
    """

    __slots__ = ("lines", "names", "octets")

    def __init__(self, block: bytes) -> None:
        self.names: list[str] = []
        self.lines: list[Line] = []
        kept: list[bytes] = []
        order: list[str] = []
        hops = 0
        for number, field in enumerate(fields(block)):
            if number == MAX_FIELDS:
                break
            name = field.name.decode("ascii", "replace")
            lower = name.lower()
            if lower == "date":
                self._add("zone", _ZONE.findall(_value(field))[:1])
            if _FOREIGN.match(lower):
                continue
            if lower == "received":
                hops += 1
                value = _VARYING.sub("", _value(field))
                kept.append(b"Received:" + value.encode("utf-8", "replace"))
                self._trace(value.lower())
                continue
            kept.append(block[field.start : field.end])
            order.append(name)
            self._field(lower, field)
        self._add("field", order)
        self._add("hops", [str(min(hops, 12))])
        self.lines.append(Line("order", [name.encode() for name in order[:MAX_WORDS]]))
        self.octets = b"\n".join(kept)[:MAX_OCTETS]

    def _add(self, kind: str, values: list[str]) -> None:
        self.names += [f"{kind}:{value}" for value in values]

    def _field(self, name: str, field: HeaderField) -> None:
        value = _value(field)
        if name == "subject":
            self.lines.append(Line("subject", words_of(decode_words(value))))
        elif name in _ADDRESSED:
            self._addresses(name, decode_words(value))
        elif name in _IDENTIFIED:
            for domain in _DOMAIN.findall(value)[:3]:
                self._add(name, _relatives(domain))
            if name == "message-id":
                self._add("id-shape", [_shape(value)[:30]])
        else:
            self._add(name, _TOKENS.findall(value.lower())[:20])

    def _addresses(self, name: str, value: str) -> None:
        self.lines.append(Line(f"{name}-name", words_of(value.partition("<")[0], 20)))
        for domain in _DOMAIN.findall(value)[:8]:
            self._add(f"{name}-domain", _relatives(domain))
        for local in _MAILBOX.findall(value)[:8]:
            self._add(f"{name}-mailbox", [local.lower()])
            self._add(f"{name}-shape", [_shape(local)[:12]])
        if name in {"to", "cc"}:
            self._add(f"{name}-count", [str(min(value.count("@"), 10))])

    def _trace(self, value: str) -> None:
        words = _NAMES.findall(value)[:30]
        for word in words:
            if word[0].isdigit():
                octets = word.split(".")
                self._add("hop", [word, ".".join(octets[:3]), ".".join(octets[:2])])
            elif "." in word:
                self._add("hop", _relatives(word))
        self.lines.append(Line("trace", [word.encode() for word in words]))


def _value(field: HeaderField) -> str:
    return field.unfolded[:MAX_VALUE_CHARS].decode("utf-8", "replace")


def _relatives(domain: str) -> list[str]:
    """A domain and its organizational domain."""
    domain = domain.strip(".").lower()
    return [domain, organizational_domain(domain)] if domain.isascii() else [domain]


def _shape(text: str) -> str:
    return _SHAPE.sub(_class, text)


def _class(match: re.Match[str]) -> str:
    return "a" if match[1] else "0" if match[2] else "A"
