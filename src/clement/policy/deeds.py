"""What a reason of the log counts as, and whose deeds are counted at all."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from clement.policy.network import Address
from clement.policy.reason import Reason
from clement.policy.reputation import Cause

_BY_REASON: Final[dict[str, Cause | None]] = {
    Reason.NETWORK_BANNED: Cause.BANNED,
    Reason.NETWORK_UNWELCOME: Cause.BANNED,
    Reason.SERVER_BANNED: Cause.BANNED,
    Reason.EARLY_TALKER: Cause.UNRULY,
    Reason.PIPELINING: Cause.UNRULY,
    Reason.DICTIONARY: Cause.UNRULY,
    Reason.HELLO_IMPERSONATES: Cause.UNRULY,
    Reason.LOGIN_REQUIRED: Cause.UNRULY,
    Reason.RELAY_DENIED: Cause.UNRULY,
    Reason.PROTOCOL_ERROR: Cause.UNRULY,
    Reason.TOO_MANY_ERRORS: Cause.UNRULY,
    Reason.LOGIN_FAILED: Cause.LOGIN_FAILED,
    Reason.RECIPIENT_UNKNOWN: Cause.UNKNOWN_RECIPIENT,
    Reason.DIRECTIVE_REFUSES: Cause.UNWANTED,
    Reason.VIRUS: Cause.VIRUS,
    # Mistakes that honest servers hand on for their users, and limits of ours.
    Reason.TOO_LARGE: Cause.MALFORMED,
    Reason.LOOP: Cause.MALFORMED,
    Reason.LINE_ENDINGS: Cause.MALFORMED,
    Reason.NUL_OCTET: Cause.MALFORMED,
    Reason.SEVERAL_AUTHORS: Cause.MALFORMED,
    Reason.AUTHOR_MALFORMED: Cause.MALFORMED,
    Reason.HEADER_MALFORMED: Cause.MALFORMED,
    Reason.UNSCANNABLE: Cause.MALFORMED,
    Reason.UNREADABLE: Cause.MALFORMED,
    # What others say of a server is no deed of its own.
    Reason.DNS_LISTED: Cause.DEFERRED,
    Reason.GREYLISTED: Cause.DEFERRED,
    Reason.RECIPIENT_BUSY: Cause.DEFERRED,
    Reason.PERSON_BUSY: None,
    Reason.TOO_MANY_SESSIONS: Cause.DEFERRED,
    Reason.TOO_FAST: Cause.DEFERRED,
    Reason.LOGIN_ENDED: None,
    Reason.TIMEOUT: None,
    Reason.SHUTTING_DOWN: None,
    Reason.OWN_FAULT: None,
    Reason.SENDER_NOT_OWNED: None,
    Reason.AUTHOR_NOT_OWNED: None,
    Reason.OUTGOING_UNAVAILABLE: None,
    Reason.REPORT_EMPTY: None,
}

# A forwarder or a balancer of one's own would be judged by what it hands on.
_NEVER_COUNTED: Final = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "::1/128",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
"""Loopback, private and link-local addresses (RFC 1122, 1918, 3927, 4193, 4291, 6598)."""


def refusal_cause(reason: str) -> Cause | None:
    """What a refusal for this reason counts as; None for nothing. Reasons not named here count as refused."""
    return _BY_REASON.get(reason, Cause.REFUSED)


def deferral_cause(reason: str) -> Cause | None:
    """What a deferral for this reason counts as; None for nothing."""
    cause = _BY_REASON.get(reason, Cause.DEFERRED)
    return Cause.DEFERRED if cause is Cause.REFUSED else cause


def is_stranger(address: Address) -> bool:
    """Whether a client at this address is somebody else's server, as far as the address tells."""
    return not any(address.version == own.version and address in own for own in _NEVER_COUNTED)
