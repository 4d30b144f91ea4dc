"""What our client hears of a next hop's reply: its class and reason, never its machines.

The text of a next hop is data from another machine: one line, printable, bounded, and without the names and
addresses of hosts that stand behind us.
"""

from __future__ import annotations

import re

from clement.delivery.transport import Placement
from clement.smtp import Reply, replies

MAX_TEXT_OCTETS = 400

# A host name with a dot in it, unless it is the domain of a mail address; or an IP address, or a literal.
_HOST = re.compile(
    r"""
    (?<! @ ) \[ [^\]\s]* \]                              # [192.0.2.1], [SERVER7.corp]
    |
    (?<! [\w.@+-] )
    (?: \d{1,3} (?: \. \d{1,3} ){3} (?: : \d+ )?        # 192.0.2.1
      | [0-9A-Fa-f]{0,4} (?: : [0-9A-Fa-f]{0,4} ){3,7}  # 2001:db8::1
      | (?: [A-Za-z0-9_-]+ \. )+ [A-Za-z][A-Za-z-]+ (?: : \d+ )?   # mail.corp.example
    )
    (?! [\w@-] )
    """,
    re.VERBOSE,
)
_ENHANCED_ABOUT_RECIPIENT = re.compile(r"[45]\.(?:1\.(?:[0-6]|10)|2\.\d+)")


def clean_text(reply: Reply) -> str:
    """The text of a next hop's reply, fit for a reply of ours."""
    joined = " ".join(" ".join(reply.text).split())
    return _HOST.sub("(host)", joined[: 2 * MAX_TEXT_OCTETS])[:MAX_TEXT_OCTETS] or "no reason given"


def recipient_refused(reply: Reply, hop_name: str) -> Placement:
    """The answer to RCPT when the next hop's was not positive."""
    ours = replies.RECIPIENT_REFUSED_DOWNSTREAM if reply.is_permanent else replies.MAILBOX_UNVERIFIED
    return Placement(_in_our_words(ours, reply), hop_name)


def message_refused(reply: Reply, hop_name: str) -> Placement:
    """The answer to the content when the next hop's, to MAIL, DATA or the content, was not positive."""
    ours = replies.NEXT_HOP_REFUSED if reply.is_permanent else replies.NEXT_HOP_DEFERRED
    return Placement(_in_our_words(ours, reply), hop_name)


def is_about_recipient(reply: Reply) -> bool | None:
    """Whether a refusal at RCPT concerns the recipient, whoever writes to it; None when it does not say.

    RFC 3463 §3.2: x.1.7 and x.1.8 are about the sender's address, x.7.x is policy.
    """
    if not reply.enhanced:
        return None
    return _ENHANCED_ABOUT_RECIPIENT.fullmatch(reply.enhanced) is not None


def _in_our_words(ours: Reply, theirs: Reply) -> Reply:
    enhanced = theirs.enhanced if theirs.enhanced[:1] == ours.enhanced[:1] else ours.enhanced
    return Reply(ours.code, enhanced, (f"Next hop: {clean_text(theirs)}",))
