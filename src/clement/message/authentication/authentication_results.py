"""The Authentication-Results field that tells readers what was found out here.  RFC 8601 §2.2.

What came in from outside goes into the field as a token or a quoted string, bounded, so that none of it can
end the field, open another result or pass for one. Fields that claim to be ours: see `forged_results`.

    authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS] CRLF
    resinfo    = [CFWS] ";" methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ]
    methodspec = [CFWS] method [CFWS] "=" [CFWS] result
    propspec   = ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue
    pvalue     = [CFWS] ( ( value / [ [ local-part ] "@" ] domain-name ) ) [CFWS]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

import msgspec

from clement.message.authentication.result import Result

FIELD_NAME = "Authentication-Results"
MAX_LINE_CHARS = 78
MAX_VALUE_CHARS = 255
MAX_COMMENT_CHARS = 120
MAX_RESULTS = 24
MAX_PROPERTIES = 8

# token = 1*<any CHAR except SPACE, CTLs, or tspecials>                                         RFC 2045 §5.1
_TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]++")
# [ local-part ] "@" domain-name, with the quoted local-parts of RFC 5321 and the UTF-8 of RFC 6531.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
_ADDRESS = re.compile(
    rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*")?@[A-Za-z0-9._\-]{{1,255}}'
)
_NOT_QUOTABLE = re.compile(r"[^\x20-\x7e]")
_NOT_IN_COMMENT = re.compile(r"[^A-Za-z0-9 !#$%&'*+,\-./:;=?@\[\]^_`{|}~]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class MethodResult(msgspec.Struct, frozen=True, gc=False):
    """How one method went. method: as registered, such as `dkim`.

    properties: pairs such as ("header.d", "example.org"); empty values are left out. comment: free words.
    """

    method: str
    result: Result
    properties: tuple[tuple[str, str], ...] = ()
    comment: str = ""


def authentication_results_field(authserv_id: str, results: Iterable[MethodResult]) -> bytes:
    """The field with its line ends, folded under MAX_LINE_CHARS where it can be.

    authserv_id: who says so; our host name. With no result it says `none`.
    """
    return f"{FIELD_NAME}: {authentication_results_value(authserv_id, results)}\r\n".encode()


def authentication_results_value(authserv_id: str, results: Iterable[MethodResult]) -> str:
    """The value of the field, folded: what ARC-Authentication-Results carries as well (RFC 8617 §4.1.1)."""
    pieces = [_lines(result) for result in islice(results, MAX_RESULTS)]
    first = _value(authserv_id)
    return first + ";\r\n" + ";\r\n".join(pieces) if pieces else first + "; none"


# Servers that send much send it from one address, for one domain, with one result.
@lru_cache(maxsize=1024)
def _lines(result: MethodResult) -> str:
    return "\r\n".join(_folded(_resinfo(result)))


def _resinfo(result: MethodResult) -> list[str]:
    """The words of one result, each of which must stay whole."""
    words = [f"{result.method}={result.result.value}"]
    comment = _NOT_IN_COMMENT.sub("?", result.comment[:MAX_COMMENT_CHARS])
    if comment:
        words.append(f"({comment})")
    told = [(name, value) for name, value in result.properties if value]
    words += [f"{name}={_value(value)}" for name, value in told[:MAX_PROPERTIES]]
    return words


def _folded(words: list[str]) -> list[str]:
    lines = ["\t" + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 2 <= MAX_LINE_CHARS:
            lines[-1] += " " + word
        else:
            lines.append("\t " + word)
    return lines


def _value(text: str) -> str:
    """A value that is read back as `text`, as far as what is in it may be told."""
    text = text[:MAX_VALUE_CHARS]
    if _TOKEN.fullmatch(text) is not None:
        return text
    text = _UNPRINTABLE.sub("?", text)
    if _ADDRESS.fullmatch(text) is not None:
        return text
    text = _NOT_QUOTABLE.sub("?", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
