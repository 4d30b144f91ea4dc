"""What is known at each stage, as typed facts that checks read and only the session fills.

There is no free-form bag: a check that needs to know something finds it here by
name, and what one check found reaches another only through `decide`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from clement.message.grammar import MessageFacts
from clement.policy.directory import Directory, Greylisting, Local, Person, Relayed, Route
from clement.policy.finding import Finding
from clement.policy.identity import ContentIdentity, EnvelopeIdentity
from clement.policy.network import Address, ClientNetwork, Standing
from clement.policy.ports import Scan
from clement.policy.study import ContentStudy, Unstudied
from clement.smtp import ContentDefects, ForwardPath, ReversePath, Service


class SessionFacts(msgspec.Struct):
    """One session.

    own_names: this server's host name and the literals of the addresses that its listeners name.
    called: tells the address of ours that the client has called; asked only where it matters.
    """

    client: Address
    client_text: str
    service: Service
    directory: Directory
    now_s: float
    own_names: frozenset[str] = frozenset()
    relaying: ClientNetwork | None = None
    reputation: ClientNetwork | None = None
    hello: str = ""
    tls: bool = False
    person: Person | None = None
    called: Callable[[], Address | None] = lambda: None

    def see(self, directory: Directory, now_s: float) -> bool:
        """Take what this directory says of the client from now on.

        Returns whether a login has ended by it: the person is gone from it or has another password.
        """
        self.directory, self.now_s = directory, now_s
        self.relaying = directory.networks.relaying(self.client, now_s)
        self.reputation = directory.networks.reputation(self.client, now_s)
        person = self.person
        if person is None:
            return False
        known = directory.person(person.login)
        same = known is not None and known.password_hash == person.password_hash
        self.person = known if same else None
        return not same

    def privileged(self) -> bool:
        """Whether this client posts as one of ours: logged in, or from a relayable network."""
        return self.person is not None or (
            self.relaying is not None and self.relaying.standing is Standing.RELAYABLE
        )

    def of_a_stranger(self) -> bool:
        """Whether nobody here answers for this client: it came to an mx listener, unknown and untrusted."""
        return self.service is Service.SMTP and not self.privileged() and not self.trusted()

    def trusted(self) -> bool:
        """Whether an administrator trusts this client's network."""
        return self.reputation is not None and self.reputation.standing is Standing.TRUSTED


class TransactionFacts(msgspec.Struct):
    """One transaction.

    size_bytes: what the client declared (RFC 1870 §6), 0 when it did not. identity: what can be found out of
    the client and the reverse-path; None where nobody is to be judged by it.
    """

    session: SessionFacts
    reverse_path: ReversePath
    size_bytes: int = 0
    identity: EnvelopeIdentity | None = None


class RecipientFacts(msgspec.Struct):
    """One recipient, and where mail for it goes."""

    transaction: TransactionFacts
    forward_path: ForwardPath
    address: str
    route: Route

    def may_be_greylisted(self) -> bool:
        """Whether its group asks strangers to come back: then it matters at once who is calling."""
        route = self.route
        if not isinstance(route, Local | Relayed):
            return False
        return route.group.policy.greylisting is not Greylisting.OFF


class ContentFacts(msgspec.Struct, weakref=True):
    """The content as a whole.

    scan: waits for the scanner; None: no recipient's group wants one.
    identity: what can be found out of who signed and wrote it; None where nobody is to be judged by it.
    study: what stands in it; None where no recipient's group wants it read.
    unstudied: set when it was to be read and cannot be.
    header_block: as the client sent it, bounded by the spool (`HEADER_LIMIT_BYTES`).
    """

    transaction: TransactionFacts
    size_bytes: int
    defects: ContentDefects
    message: MessageFacts
    scan: Callable[[], Awaitable[Scan]] | None = None
    identity: ContentIdentity | None = None
    study: ContentStudy | None = None
    unstudied: Unstudied | None = None
    header_block: bytes = b""


class RecipientContentFacts(msgspec.Struct):
    """The content as it concerns one recipient. findings: all that concern this recipient so far."""

    content: ContentFacts
    recipient: RecipientFacts
    findings: Sequence[Finding] = ()
