"""The name a client gives itself: whether it is plausible, and whether it is ours.

RFC 5321 §4.1.4 forbids refusing mail because the name does not *verify*; it does
not ask to believe a client that says it is us.
"""

from __future__ import annotations

from clement.policy.facts import SessionFacts
from clement.policy.finding import Finding, Result
from clement.policy.network import client_address
from clement.policy.reason import Reason

NAME = "hello"


def check(session: SessionFacts) -> Finding | None:
    """Judge the EHLO or HELO argument of a client that is a stranger."""
    if session.privileged() or session.trusted() or session.client.is_loopback:
        return None
    name = session.hello.lower().rstrip(".")
    if name in session.own_names or session.directory.domain(name) is not None:
        return Finding(NAME, Result.FAIL, Reason.HELLO_IMPERSONATES, name)
    fault = _fault(name, session)
    if fault:
        return Finding(NAME, Result.SOFTFAIL, Reason.HELLO_IMPLAUSIBLE, fault)
    return Finding(NAME, Result.NEUTRAL, detail=name)


def _fault(name: str, session: SessionFacts) -> str:
    """What makes the name implausible for a host on the Internet (RFC 5321 §2.3.5), or nothing."""
    if name.startswith("["):
        return "" if _literal_is_client(name, session) else "an address literal of another host"
    if "." not in name:
        return "not a fully-qualified domain name"
    try:
        client_address(name)
    except ValueError:
        return ""
    return "an address without brackets"


def _literal_is_client(name: str, session: SessionFacts) -> bool:
    text = name.strip("[]").removeprefix("ipv6:")
    try:
        return client_address(text) == session.client
    except ValueError:
        return False
