"""The service extensions a server offers: which they are, and how EHLO announces them.

What a client may then write after MAIL FROM and RCPT TO is read in `parameters`.

PIPELINING RFC 2920, SIZE RFC 1870, 8BITMIME RFC 6152, SMTPUTF8 RFC 6531, CHUNKING RFC 3030, DSN RFC 3461,
ENHANCEDSTATUSCODES RFC 2034, STARTTLS RFC 3207, AUTH RFC 4954, REQUIRETLS RFC 8689, LIMITS RFC 9422,
PRDR draft-hall-prdr-00, XMESH docs/mesh.md.  BINARYMIME (RFC 3030) is never offered: content here is made
of lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from .replies import Reply, listing


class Service(Enum):
    """What kind of server a session speaks for."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"


@dataclass(frozen=True, slots=True)
class Extensions:
    """What one listener offers.  Make one and share it: it remembers the replies made from it.

    ENHANCEDSTATUSCODES is always there, since every reply has its code.
    """

    size_limit_bytes: int = 0
    """Largest content, in octets; 0: no fixed limit, `SIZE 0` is said."""
    pipelining: bool = True
    eight_bit_mime: bool = True
    smtputf8: bool = True
    chunking: bool = True
    dsn: bool = False
    prdr: bool = False
    starttls: bool = False
    requiretls: bool = False
    """Announced under TLS only.  RFC 8689 §2."""
    auth_mechanisms: tuple[str, ...] = ()
    auth_without_tls: bool = False
    """Offer AUTH on a plain-text line.  For peers on the same machine; never for the Internet."""
    rcpt_max: int = 0
    """LIMITS RCPTMAX, 0: not announced.  What is enforced stands in `ProtocolLimits`."""
    mail_max: int = 0
    """LIMITS MAILMAX, 0: not announced."""
    _hello_replies: dict[tuple[str, bool, bool, bool], Reply] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def hello_reply(
        self, hostname: str, *, tls_active: bool, authenticated: bool, meshed: bool = False
    ) -> Reply:
        """The answer to EHLO or LHLO at this point of a session."""
        state = (hostname, tls_active, authenticated, meshed)
        reply = self._hello_replies.get(state)
        if reply is None:
            keywords = self._keywords(tls_active=tls_active, authenticated=authenticated)
            if meshed and tls_active:
                keywords.append("XMESH 1")
            reply = self._hello_replies[state] = listing([hostname, *keywords])
        return reply

    def offers_auth(self, *, tls_active: bool) -> bool:
        """Whether AUTH may be used on this line."""
        return bool(self.auth_mechanisms) and (tls_active or self.auth_without_tls)

    def _keywords(self, *, tls_active: bool, authenticated: bool) -> list[str]:
        limits = [f"{name}={value}" for name, value in self._limits() if value]
        auth = " ".join(("AUTH", *self.auth_mechanisms))
        offered = (
            ("PIPELINING", self.pipelining),
            (f"SIZE {self.size_limit_bytes}", True),
            ("8BITMIME", self.eight_bit_mime),
            ("SMTPUTF8", self.smtputf8),
            ("CHUNKING", self.chunking),
            ("ENHANCEDSTATUSCODES", True),
            ("STARTTLS", self.starttls and not tls_active),
            (auth, self.offers_auth(tls_active=tls_active) and not authenticated),
            ("DSN", self.dsn),
            ("PRDR", self.prdr),
            ("REQUIRETLS", self.requiretls and tls_active),
            (" ".join(("LIMITS", *limits)), bool(limits)),
        )
        return [keyword for keyword, condition in offered if condition]

    def _limits(self) -> tuple[tuple[str, int], ...]:
        return (("MAILMAX", self.mail_max), ("RCPTMAX", self.rcpt_max))
