"""The name a client gives itself: whether it is plausible, and whether it is ours.

RFC 5321 §4.1.4 forbids refusing mail because the name does not *verify*: a name
or literal that belongs to another address is noted and no more. It does not ask
to believe a client that says it is us, nor one whose name is none (§2.3.5). Between
the two stands a hosted domain's own name: a forger uses it, and so does the server
of a customer whose mail we relay. What follows from that is the group's to say.

An address literal is ours when a listener names it, or when the session came in on it:
of wildcard listeners only the session knows. An address for private use (RFC 1918)
means another machine in every network: to whoever calls from outside, it is not us.
"""

from __future__ import annotations

from clement.policy.facts import ContentFacts, SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.identity import EnvelopeIdentity
from clement.policy.network import Address, client_address
from clement.policy.once import settled
from clement.policy.pipeline import Answer
from clement.policy.reason import Reason
from clement.smtp import Service

NAME = "hello"


def check(session: SessionFacts) -> Finding | None:
    """Judge the EHLO or HELO argument of a server that is a stranger.

    People's programs (submission) say what they like before they log in, and LMTP is spoken by our own side.
    """
    if session.service is not Service.SMTP or session.privileged() or session.trusted():
        return None
    if session.client.is_loopback:
        return None
    name = session.hello.lower().rstrip(".")
    if name.startswith("["):
        return _literal(name, session)
    if name in session.own_names:
        return Finding(NAME, Result.FAIL, Reason.HELLO_IMPERSONATES, name)
    fault = "a domain that is hosted here" if session.directory.domain(name) else _fault(name)
    if fault:
        return Finding(NAME, Result.SOFTFAIL, Reason.HELLO_IMPLAUSIBLE, fault)
    return Finding(NAME, Result.NEUTRAL, detail=name)


def _fault(name: str) -> str:
    """What makes the name implausible for a host on the Internet (RFC 5321 §2.3.5), or nothing."""
    if "." not in name:
        return "not a fully-qualified domain name"
    try:
        client_address(name)
    except ValueError:
        return ""
    return "an address without brackets"


def _literal(name: str, session: SessionFacts) -> Finding:
    """Judge an address literal (RFC 5321 §4.1.3): the client's own, ours, or neither."""
    try:
        address = client_address(name.strip("[]").removeprefix("ipv6:"))
    except ValueError:
        address = None
    if address == session.client:
        return Finding(NAME, Result.NEUTRAL, detail=name)
    if address is not None and _is_ours(name, address, session):
        return Finding(NAME, Result.FAIL, Reason.HELLO_IMPERSONATES, name)
    return Finding(NAME, Result.SOFTFAIL, detail=f"{name} is not the client's address")


def _is_ours(name: str, address: Address, session: SessionFacts) -> bool:
    if address.is_private and not session.client.is_private:
        return False
    return name in session.own_names or address == session.called()


def check_resolves(content: ContentFacts) -> Answer:
    """Note whether the name has the client's address; it may be no reason to refuse (RFC 5321 §4.1.4)."""
    return None if content.identity is None else settled(_resolves(content.identity.envelope))


async def _resolves(identity: EnvelopeIdentity) -> Finding | None:
    result = await identity.hello_resolves
    if result is Result.NONE:
        return None
    name = identity.envelope.hello
    if result is Result.FAIL:
        detail = f"{name} does not have the client's address"
        return Finding(NAME, Result.SOFTFAIL, detail=detail, weight=0.4)
    return Finding(NAME, result, detail=name, weight=-0.1 if result is Result.PASS else 0.0)
