"""What a server session remembers between commands, and the bounds it keeps.

The state says *where* a session is (`state`); the rest is *what* was said on the way there.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from . import replies
from .address import ForwardPath, ReversePath
from .extensions import Extensions, Service
from .parameters import MailParameters
from .replies import Reply
from .state import State


class LocalProtocolError(RuntimeError):
    """The calling program broke the rules of this interface; the session is as it was before the call."""


@dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """Bounds on one session.  Zero means no bound, where a bound is optional."""

    command_line_octets: int = 2048
    """RFC 5321 §4.5.3.1.4 asks for 512; SIZE, DSN, AUTH= and SMTPUTF8 add about a thousand."""
    auth_line_octets: int = 12288
    """RFC 4954 §4 (12288)."""
    endless_line_octets: int = 65536
    """A line beyond this ends the session instead of being read to its end."""
    recipients: int = 1000
    """Accepted recipients of one transaction; RFC 5321 §4.5.3.1.8 asks for 100 at least."""
    transactions: int = 0
    """MAIL commands of one session, optional."""
    errors: int = 20
    """Errors of syntax and sequence since the last message."""
    refusals: int = 100
    """Commands refused for good by the server since the last message; what a dictionary attack runs into."""
    idle_commands: int = 100
    """NOOP, RSET, VRFY, EXPN, HELP and repeated greetings since the last message."""


class Patience:
    """What is left of a server's patience with one client; an accepted message restores it."""

    __slots__ = ("_limits", "errors", "idle_commands", "refusals")

    def __init__(self, limits: ProtocolLimits) -> None:
        self._limits = limits
        self.errors = self.refusals = self.idle_commands = 0

    def after_error(self, reply: Reply) -> Reply:
        """An error of syntax or sequence: the reply for it, or the last one."""
        self.errors += 1
        is_enough = self.errors > self._limits.errors and not reply.closes
        return replies.TOO_MANY_ERRORS if is_enough else reply

    def after_refusal(self, reply: Reply) -> Reply:
        """The server's own refusal of a command, or the last one."""
        if reply.is_permanent:
            self.refusals += 1
            if self.refusals > self._limits.refusals and not reply.closes:
                return replies.TOO_MANY_ERRORS
        return reply

    def is_lost_idling(self) -> bool:
        """Count one more command that brings no mail."""
        self.idle_commands += 1
        return self.idle_commands > self._limits.idle_commands

    def restore(self) -> None:
        """A message was accepted."""
        self.errors = self.refusals = self.idle_commands = 0


class Transaction(msgspec.Struct):
    """One mail transaction: what was accepted of its envelope so far."""

    reverse_path: ReversePath
    parameters: MailParameters
    recipients: list[ForwardPath]
    per_recipient: bool
    """LMTP or PRDR: the content may be answered with one reply for each recipient."""


class SessionFacts:
    """Everything the reading of a command may depend on."""

    __slots__ = (
        "authenticated",
        "extended",
        "hello_domain",
        "hostname",
        "limits",
        "meshed",
        "offer",
        "service",
        "state",
        "tls_active",
        "transaction",
        "transactions_begun",
    )

    def __init__(
        self,
        service: Service,
        hostname: str,
        offer: Extensions,
        limits: ProtocolLimits,
        *,
        tls_active: bool,
    ) -> None:
        self.service = service
        self.hostname = hostname
        self.offer = offer
        self.limits = limits
        self.state = State.CONNECTED
        self.tls_active = tls_active
        self.authenticated = False
        self.extended = False
        """Greeted with EHLO or LHLO: parameters may be used."""
        self.hello_domain = ""
        self.meshed = False
        """XMESH is offered to this client, under TLS."""
        self.transaction: Transaction | None = None
        self.transactions_begun = 0

    def current_transaction(self) -> Transaction:
        """The transaction, where the table of states has made sure that there is one."""
        if self.transaction is None:
            raise LocalProtocolError("no transaction is under way")
        return self.transaction

    def start_anew(self) -> None:
        """Forget what the client said before TLS.  RFC 3207 §4.2."""
        self.state = State.GREETED
        self.tls_active = True
        self.authenticated = False
        self.extended = False
        self.hello_domain = ""
        self.transaction = None
