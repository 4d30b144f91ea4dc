"""Why a verdict fell: a closed list, and for each reason what it is worth.

One table says for every reason whether it refuses or only defers, whether a
recipient's accept directive may lift it, and which setting of the recipient's
group, if any, decides instead. The words for the client stand in `wording`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import msgspec


class Disposition(IntEnum):
    """What a reason leads to, in rising order of gravity."""

    ACCEPT = 0
    QUARANTINE = 1
    DEFER = 2
    REJECT = 3
    DROP = 4


class Reason(StrEnum):
    """Every reason for which Clement answers anything but yes."""

    ACCEPTED = "accepted"
    NETWORK_BANNED = "network-banned"
    NETWORK_UNWELCOME = "network-unwelcome"
    SERVER_BANNED = "server-banned"
    EARLY_TALKER = "early-talker"
    PIPELINING = "pipelining"
    HELLO_IMPERSONATES = "hello-impersonates"
    HELLO_IMPLAUSIBLE = "hello-implausible"
    LOGIN_REQUIRED = "login-required"
    SENDER_NOT_OWNED = "sender-not-owned"
    AUTHOR_NOT_OWNED = "author-not-owned"
    SENDER_UNRESOLVABLE = "sender-unresolvable"
    SENDER_REFUSES_MAIL = "sender-refuses-mail"
    DNS_LISTED = "dns-listed"
    RELAY_DENIED = "relay-denied"
    OUTGOING_UNAVAILABLE = "outgoing-unavailable"
    RECIPIENT_UNKNOWN = "recipient-unknown"
    RECIPIENT_UNPLACEABLE = "recipient-unplaceable"
    RECIPIENT_BUSY = "recipient-busy"
    PERSON_BUSY = "person-busy"
    DIRECTIVE_REFUSES = "directive-refuses"
    GREYLISTED = "greylisted"
    TOO_LARGE = "too-large"
    LOOP = "loop"
    LINE_ENDINGS = "line-endings"
    NUL_OCTET = "nul-octet"
    SEVERAL_AUTHORS = "several-authors"
    AUTHOR_MALFORMED = "author-malformed"
    HEADER_MALFORMED = "header-malformed"
    SPF_FAIL = "spf-fail"
    SPF_PERMERROR = "spf-permerror"
    DMARC_REJECT = "dmarc-reject"
    DMARC_QUARANTINE = "dmarc-quarantine"
    REVERSE_NAME_UNVERIFIED = "reverse-name-unverified"
    VIRUS = "virus"
    UNSCANNABLE = "unscannable"
    SCANNER_UNAVAILABLE = "scanner-unavailable"
    CHECK_FAILED = "check-failed"
    NEXT_HOP_REFUSED = "next-hop-refused"
    NEXT_HOP_DEFERRED = "next-hop-deferred"
    QUOTA = "quota"
    STORAGE_FULL = "storage-full"
    MIXED_VERDICTS = "mixed-verdicts"
    OTHER_CLASS = "other-class"
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    PROTOCOL_ERROR = "protocol-error"
    TOO_MANY_ERRORS = "too-many-errors"
    TOO_MANY_SESSIONS = "too-many-sessions"
    TOO_FAST = "too-fast"
    DICTIONARY = "dictionary"
    LOGIN_FAILED = "login-failed"
    LOGIN_ENDED = "login-ended"
    TIMEOUT = "timeout"
    SHUTTING_DOWN = "shutting-down"
    OWN_FAULT = "own-fault"
    DIRECTIVE_QUARANTINES = "directive-quarantines"
    UNREADABLE = "unreadable"
    AUTHOR_IMPERSONATES = "author-impersonates"
    LINK_LISTED = "link-listed"
    RULE_REFUSES = "rule-refuses"
    RULE_QUARANTINES = "rule-quarantines"
    UNWANTED = "unwanted-content"
    DELIVERED_BEFORE = "delivered-before"
    EXECUTABLE_ATTACHMENT = "executable-attachment"
    SCRIPT_ATTACHMENT = "script-attachment"
    MACRO_DOCUMENT = "macro-document"
    DISK_IMAGE = "disk-image"
    ACTIVE_PAGE = "active-page"
    ENCRYPTED_ARCHIVE = "encrypted-archive"
    UNREADABLE_ARCHIVE = "unreadable-archive"
    DISGUISED_ATTACHMENT = "disguised-attachment"
    CONTENT_UNREADABLE = "content-unreadable"
    REFUSED_ATTACHMENT_NAME = "refused-attachment-name"
    REPORT_EMPTY = "report-empty"


class Rule(msgspec.Struct, frozen=True):
    """What a reason is worth.

    liftable: a recipient's accept directive may set it aside.
    setting: the field of the group's policy that decides instead of `disposition`.
    ours: our own fault, which is never answered with more than 4xx.
    """

    disposition: Disposition
    liftable: bool = False
    setting: str = ""
    ours: bool = False


_REJECT: Final = Rule(Disposition.REJECT)
_DEFER: Final = Rule(Disposition.DEFER)
_OWN_FAULT: Final = Rule(Disposition.DEFER, ours=True)

RULES: Final[dict[Reason, Rule]] = {
    Reason.NETWORK_BANNED: Rule(Disposition.DROP),
    Reason.NETWORK_UNWELCOME: Rule(Disposition.DROP, liftable=True),
    Reason.SERVER_BANNED: Rule(Disposition.DROP, liftable=True),
    Reason.EARLY_TALKER: Rule(Disposition.DROP, liftable=True),
    Reason.PIPELINING: Rule(Disposition.REJECT, liftable=True),
    Reason.HELLO_IMPERSONATES: Rule(Disposition.REJECT, liftable=True),
    Reason.HELLO_IMPLAUSIBLE: Rule(Disposition.REJECT, liftable=True, setting="implausible_hello"),
    Reason.LOGIN_REQUIRED: _REJECT,
    Reason.SENDER_NOT_OWNED: _REJECT,
    Reason.AUTHOR_NOT_OWNED: _REJECT,
    Reason.SENDER_UNRESOLVABLE: Rule(Disposition.DEFER, liftable=True, setting="unresolvable_sender"),
    Reason.SENDER_REFUSES_MAIL: Rule(Disposition.REJECT, liftable=True),
    Reason.DNS_LISTED: Rule(Disposition.REJECT, liftable=True, setting="dns_listed"),
    Reason.RELAY_DENIED: _REJECT,
    Reason.OUTGOING_UNAVAILABLE: _REJECT,
    Reason.RECIPIENT_UNKNOWN: _REJECT,
    Reason.RECIPIENT_UNPLACEABLE: _OWN_FAULT,
    Reason.RECIPIENT_BUSY: _DEFER,
    Reason.PERSON_BUSY: _DEFER,
    Reason.DIRECTIVE_REFUSES: _REJECT,
    Reason.GREYLISTED: Rule(Disposition.DEFER, liftable=True),
    Reason.TOO_LARGE: _REJECT,
    Reason.LOOP: _REJECT,
    Reason.LINE_ENDINGS: Rule(Disposition.REJECT, setting="bare_line_endings"),
    Reason.NUL_OCTET: _REJECT,
    Reason.SEVERAL_AUTHORS: Rule(Disposition.REJECT, liftable=True),
    Reason.AUTHOR_MALFORMED: Rule(Disposition.REJECT, liftable=True),
    Reason.HEADER_MALFORMED: Rule(Disposition.REJECT, liftable=True),
    Reason.SPF_FAIL: Rule(Disposition.REJECT, liftable=True, setting="spf_fail"),
    Reason.SPF_PERMERROR: Rule(Disposition.REJECT, liftable=True, setting="spf_permerror"),
    Reason.DMARC_REJECT: Rule(Disposition.REJECT, liftable=True, setting="dmarc_reject"),
    Reason.DMARC_QUARANTINE: Rule(Disposition.REJECT, liftable=True, setting="dmarc_quarantine"),
    Reason.REVERSE_NAME_UNVERIFIED: Rule(
        Disposition.REJECT, liftable=True, setting="unverified_reverse_name"
    ),
    Reason.VIRUS: _REJECT,
    Reason.UNSCANNABLE: Rule(Disposition.REJECT, liftable=True, setting="unscannable"),
    Reason.SCANNER_UNAVAILABLE: Rule(Disposition.DEFER, setting="scanner_unavailable", ours=True),
    Reason.CHECK_FAILED: _OWN_FAULT,
    Reason.NEXT_HOP_REFUSED: _REJECT,
    Reason.NEXT_HOP_DEFERRED: _DEFER,
    Reason.QUOTA: _DEFER,
    Reason.STORAGE_FULL: _OWN_FAULT,
    Reason.MIXED_VERDICTS: _DEFER,
    Reason.OTHER_CLASS: _DEFER,
    Reason.OWN_FAULT: _OWN_FAULT,
    Reason.DIRECTIVE_QUARANTINES: Rule(Disposition.QUARANTINE),
    Reason.UNREADABLE: Rule(Disposition.REJECT, liftable=True, setting="unscannable"),
    Reason.AUTHOR_IMPERSONATES: Rule(Disposition.REJECT, liftable=True, setting="impersonation"),
    Reason.LINK_LISTED: Rule(Disposition.REJECT, liftable=True, setting="link_listed"),
    Reason.RULE_REFUSES: Rule(Disposition.REJECT, liftable=True),
    Reason.RULE_QUARANTINES: Rule(Disposition.QUARANTINE, liftable=True),
    Reason.UNWANTED: Rule(Disposition.REJECT, liftable=True),
    Reason.EXECUTABLE_ATTACHMENT: Rule(Disposition.REJECT, liftable=True, setting="executable_attachment"),
    Reason.SCRIPT_ATTACHMENT: Rule(Disposition.REJECT, liftable=True, setting="script_attachment"),
    Reason.MACRO_DOCUMENT: Rule(Disposition.REJECT, liftable=True, setting="macro_document"),
    Reason.DISK_IMAGE: Rule(Disposition.REJECT, liftable=True, setting="disk_image"),
    Reason.ACTIVE_PAGE: Rule(Disposition.REJECT, liftable=True, setting="active_page"),
    Reason.ENCRYPTED_ARCHIVE: Rule(Disposition.REJECT, liftable=True, setting="encrypted_archive"),
    Reason.UNREADABLE_ARCHIVE: Rule(Disposition.REJECT, liftable=True, setting="unreadable_archive"),
    Reason.DISGUISED_ATTACHMENT: Rule(Disposition.REJECT, liftable=True, setting="disguised_attachment"),
    Reason.CONTENT_UNREADABLE: Rule(Disposition.REJECT, liftable=True, setting="unreadable_content"),
    Reason.REFUSED_ATTACHMENT_NAME: Rule(Disposition.REJECT, liftable=True),
    Reason.REPORT_EMPTY: _REJECT,
}
"""Reasons that can stand behind a finding or a placement. The others end sessions without a verdict."""
