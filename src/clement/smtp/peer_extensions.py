"""What another server said it offers, read from its answer to EHLO or LHLO.

ehlo-line    = ehlo-keyword *( SP ehlo-param )                                        RFC 5321 §4.1.1.1
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final


class PeerExtensions:
    """Keywords and their parameters; names are upper case.  What cannot be read was not offered."""

    __slots__ = ("_parameters",)

    def __init__(self, lines: Iterable[str] = ()) -> None:
        """`lines` are those behind the first, which names the server."""
        self._parameters: dict[str, list[str]] = {}
        for line in lines:
            # "AUTH=LOGIN" is what servers before RFC 2554 wrote.
            words = line.upper().replace("AUTH=", "AUTH ", 1).split()
            if words and words[0].isascii():
                self._parameters.setdefault(words[0], []).extend(words[1:])

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._parameters

    def __repr__(self) -> str:
        return f"PeerExtensions({sorted(self._parameters)})"

    @property
    def pipelining(self) -> bool:
        """Commands may be sent in groups.  RFC 2920."""
        return "PIPELINING" in self._parameters

    @property
    def eight_bit_mime(self) -> bool:
        """BODY=8BITMIME may be said.  RFC 6152."""
        return "8BITMIME" in self._parameters

    @property
    def smtputf8(self) -> bool:
        """Addresses may be UTF-8.  RFC 6531."""
        return "SMTPUTF8" in self._parameters

    @property
    def chunking(self) -> bool:
        """BDAT may be used.  RFC 3030."""
        return "CHUNKING" in self._parameters

    @property
    def dsn(self) -> bool:
        """NOTIFY, ORCPT, RET and ENVID may be said.  RFC 3461."""
        return "DSN" in self._parameters

    @property
    def starttls(self) -> bool:
        """STARTTLS may be said.  RFC 3207."""
        return "STARTTLS" in self._parameters

    @property
    def requiretls(self) -> bool:
        """REQUIRETLS may be said, and will be kept.  RFC 8689."""
        return "REQUIRETLS" in self._parameters

    @property
    def prdr(self) -> bool:
        """PRDR may be said.  draft-hall-prdr-00."""
        return "PRDR" in self._parameters

    @property
    def auth_mechanisms(self) -> frozenset[str]:
        """SASL mechanisms.  RFC 4954."""
        return frozenset(self._parameters.get("AUTH", ()))

    @property
    def size_limit_bytes(self) -> int | None:
        """SIZE: 0 for no limit, None when SIZE was not offered.  RFC 1870."""
        values = self._parameters.get("SIZE")
        if values is None:
            return None
        digits = values[0] if values else ""
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else 0

    @property
    def rcpt_max(self) -> int | None:
        """LIMITS RCPTMAX, None when nothing was said.  RFC 9422."""
        for parameter in self._parameters.get("LIMITS", ()):
            name, _, digits = parameter.partition("=")
            if name == "RCPTMAX" and digits.isascii() and digits.isdigit() and len(digits) <= 6:
                return int(digits)
        return None


NO_EXTENSIONS: Final = PeerExtensions()
