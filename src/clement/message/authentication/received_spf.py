r"""The Received-SPF field: the outcome of one check, and what it was made of.  RFC 7208 §9.1.

    header-field     = "Received-SPF:" [CFWS] result FWS [comment FWS] [ key-value-list ] CRLF
    key-value-list   = key-value-pair *( ";" [CFWS] key-value-pair ) [";"]
    key-value-pair   = key [CFWS] "=" ( dot-atom / quoted-string )

All of it comes from strangers but the receiver: values are bounded, and whatever is not printable ASCII, or
might end the comment, is replaced by `?`.
"""

from __future__ import annotations

import re

from clement.message.authentication.result import Result
from clement.message.authentication.spf import SpfOutcome

MAX_LINE_CHARS = 78
MAX_VALUE_CHARS = 256

_COMMENTS = {
    Result.PASS: "domain of {domain} designates {address} as permitted sender",
    Result.FAIL: "domain of {domain} does not designate {address} as permitted sender",
    Result.SOFTFAIL: "domain of {domain} discourages use of {address} as sender",
    Result.NEUTRAL: "domain of {domain} says nothing about {address}",
    Result.NONE: "domain of {domain} does not designate permitted senders",
    Result.TEMPERROR: "the policy of {domain} cannot be had now",
    Result.PERMERROR: "the policy of {domain} cannot be understood",
}

# dot-atom-text = 1*atext *("." 1*atext)                                                  RFC 5322 §3.2.3
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_DOT_ATOM = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*")
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_NOT_IN_COMMENT = re.compile(r"[^ !#-'*-\[\]-~]")  # nor parentheses, quotes and backslashes
_QUOTED = re.compile(r'(["\\])')


def received_spf_field(
    outcome: SpfOutcome, *, address: str, identity: str, mail_from: str, hello: str, receiver: str
) -> bytes:
    """The field with its line ends, folded under MAX_LINE_CHARS where it can be.

    address: of the client. identity: which one was checked, `mailfrom` or `helo`. mail_from: the
    reverse-path, "" when null. hello: what the client called itself. receiver: our name.
    """
    comment = _COMMENTS[outcome.result].format(domain=outcome.domain, address=address)
    pairs = {
        "client-ip": address,
        "envelope-from": mail_from,
        "helo": hello,
        "identity": identity,
        "receiver": receiver,
        "mechanism": outcome.mechanism,
        "problem": outcome.problem,
    }
    words = [str(outcome.result), *_comment(f"{receiver}: {comment}").split(" ")]
    values = [f"{key}={_value(value)};" for key, value in pairs.items() if value]
    return _folded([*words, *values]).encode("ascii")


def _comment(text: str) -> str:
    return f"({_NOT_IN_COMMENT.sub('?', text[: 3 * MAX_VALUE_CHARS])})"


def _value(text: str) -> str:
    text = _NOT_PRINTABLE.sub("?", text[:MAX_VALUE_CHARS])
    return text if _DOT_ATOM.fullmatch(text) else '"' + _QUOTED.sub(r"\\\1", text) + '"'


def _folded(words: list[str]) -> str:
    lines = ["Received-SPF:"]
    for word in filter(None, words):
        if len(lines[-1]) + 1 + len(word) <= MAX_LINE_CHARS:
            lines[-1] += " " + word
        else:
            lines.append("\t" + word)
    return "\r\n".join(lines) + "\r\n"
