"""From verdict to reply: a short true sentence that lets a postmaster act.

A reply names what the client can see or change. It never says which internal
host, rule text or user preference stood behind it. The id at its end leads,
for whoever may read the log, to everything that was found.
"""

from __future__ import annotations

from typing import Final

from clement.policy.reason import Reason
from clement.policy.verdict import TAKEN, Defer, Verdict
from clement.smtp import Reply, replies

# Reason -> reply and words; {detail} is the finding's.
_REFUSALS: Final[dict[Reason, tuple[Reply, str]]] = {
    Reason.NETWORK_BANNED: (replies.NETWORK_BANNED, "{detail} is banned from this server"),
    Reason.NETWORK_UNWELCOME: (replies.NETWORK_BANNED, "Mail from {detail} is not accepted here"),
    Reason.SERVER_BANNED: (replies.NETWORK_BANNED, "{detail}"),
    Reason.EARLY_TALKER: (
        replies.PROTOCOL_VIOLATED,
        "You spoke {detail}; a client waits for the reply (RFC 5321 4.3.1)",
    ),
    Reason.PIPELINING: (
        replies.PIPELINING_REFUSED,
        "You went on {detail} before our reply (RFC 2920 3.1); correct your mail program",
    ),
    Reason.HELLO_IMPERSONATES: (replies.HELO_REFUSED, "You said you are {detail}, which is ourselves"),
    Reason.HELLO_IMPLAUSIBLE: (replies.HELO_REFUSED, "Your HELO name is {detail} (RFC 5321 2.3.5)"),
    Reason.LOGIN_REQUIRED: (replies.AUTH_REQUIRED, "Log in before you send mail here"),
    Reason.SENDER_NOT_OWNED: (replies.REVERSE_PATH_NOT_OWNED, "Your login may not send as {detail}"),
    Reason.AUTHOR_NOT_OWNED: (
        replies.AUTHOR_REFUSED,
        "Your login may not write as {detail}, and with MAIL FROM:<> the From field counts",
    ),
    Reason.SENDER_UNRESOLVABLE: (
        replies.REVERSE_DOMAIN_UNKNOWN,
        "Nobody at {detail} could be answered: it has neither MX nor address records",
    ),
    Reason.SENDER_REFUSES_MAIL: (
        replies.REVERSE_PATH_NULL_MX,
        "{detail} says that it takes no mail (RFC 7505)",
    ),
    Reason.DNS_LISTED: (replies.LISTED, "{detail}"),
    Reason.RELAY_DENIED: (replies.RELAY_DENIED, "{detail} is not hosted here, and you may not relay"),
    Reason.OUTGOING_UNAVAILABLE: (
        replies.RELAY_DENIED,
        "{detail} is not hosted here, and this server does not send mail elsewhere yet",
    ),
    Reason.RECIPIENT_UNKNOWN: (replies.MAILBOX_UNKNOWN, "No such mailbox here: {detail}"),
    Reason.DIRECTIVE_REFUSES: (
        replies.RECIPIENT_REFUSES,
        "Mail from this sender to this recipient is not accepted",
    ),
    Reason.DIRECTIVE_QUARANTINES: (
        replies.RECIPIENT_REFUSES,
        "Mail from this sender to this recipient is not accepted",
    ),
    Reason.AUTHOR_IMPERSONATES: (
        replies.AUTHOR_REFUSED,
        "The author appears to be somebody at {detail} and is not known there; write under your own name",
    ),
    Reason.LINK_LISTED: (replies.LISTED, "The message names a listed host: {detail}"),
    Reason.RULE_REFUSES: (replies.RULE_REFUSES, "A rule of the recipient's site refuses this message"),
    Reason.RULE_QUARANTINES: (replies.RULE_REFUSES, "A rule of the recipient's site refuses this message"),
    Reason.UNWANTED: (
        replies.CONTENT_REFUSED,
        "This looks like mail nobody asked for; if it is not, write to our postmaster, or ask the recipient",
    ),
    Reason.TOO_LARGE: (replies.MESSAGE_TOO_LARGE, "The message is too large; the limit is {detail}"),
    Reason.LOOP: (replies.LOOP_DETECTED, "Mail loop: {detail}"),
    Reason.LINE_ENDINGS: (
        replies.BARE_LINE_ENDING,
        "{detail} in content; lines end in CRLF (RFC 5321 2.3.8)",
    ),
    Reason.NUL_OCTET: (replies.CONTENT_HAS_NUL, "NUL octet in content (RFC 5322 4)"),
    Reason.SEVERAL_AUTHORS: (replies.MESSAGE_MALFORMED, "{detail} (RFC 5322 3.6 allows one From field)"),
    Reason.AUTHOR_MALFORMED: (replies.MESSAGE_MALFORMED, "The From field cannot be read: {detail}"),
    Reason.HEADER_MALFORMED: (replies.MESSAGE_MALFORMED, "The header cannot be read: {detail}"),
    Reason.SPF_FAIL: (replies.SPF_REFUSED, "{detail} (RFC 7208)"),
    Reason.SPF_PERMERROR: (replies.SPF_BROKEN, "{detail} (RFC 7208)"),
    Reason.DMARC_REJECT: (replies.DMARC_REFUSED, "{detail}"),
    Reason.DMARC_QUARANTINE: (replies.DMARC_REFUSED, "{detail}"),
    Reason.REVERSE_NAME_UNVERIFIED: (replies.REVERSE_NAME_REFUSED, "{detail}"),
    Reason.VIRUS: (replies.VIRUS_FOUND, "Virus found: {detail}"),
    Reason.UNSCANNABLE: (replies.CONTENT_UNSCANNABLE, "Content cannot be scanned for viruses: {detail}"),
    Reason.NEXT_HOP_REFUSED: (replies.NEXT_HOP_REFUSED, "{detail}"),
    Reason.UNREADABLE: (replies.CONTENT_UNREADABLE, "Content cannot be examined: {detail}"),
    Reason.EXECUTABLE_ATTACHMENT: (
        replies.CONTENT_REFUSED,
        "A program is attached: {detail}; send a link to it instead",
    ),
    Reason.SCRIPT_ATTACHMENT: (
        replies.CONTENT_REFUSED,
        "A script or shortcut is attached: {detail}; send a link to it instead",
    ),
    Reason.MACRO_DOCUMENT: (
        replies.CONTENT_REFUSED,
        "A document with a program in it is attached: {detail}; send it without macros, or as PDF",
    ),
    Reason.DISK_IMAGE: (
        replies.CONTENT_REFUSED,
        "A disk image is attached: {detail}; send the files in it by themselves",
    ),
    Reason.ACTIVE_PAGE: (
        replies.CONTENT_REFUSED,
        "A page with script or a form is attached: {detail}; send a link to it, or a PDF",
    ),
    Reason.ENCRYPTED_ARCHIVE: (
        replies.CONTENT_REFUSED,
        "An attachment has a password and cannot be examined: {detail}; send it without one, or a link",
    ),
    Reason.UNREADABLE_ARCHIVE: (
        replies.CONTENT_REFUSED,
        "An attachment cannot be examined: {detail}; send its files unpacked, or a link",
    ),
    Reason.DISGUISED_ATTACHMENT: (
        replies.CONTENT_REFUSED,
        "The name of an attachment hides what it is: {detail}; give it a plain name",
    ),
    Reason.CONTENT_UNREADABLE: (
        replies.MESSAGE_MALFORMED,
        "The MIME structure cannot be read in one way only: {detail} (RFC 2045)",
    ),
    Reason.REFUSED_ATTACHMENT_NAME: (
        replies.CONTENT_REFUSED,
        "Attachments of this name are not accepted here: {detail}",
    ),
    Reason.REPORT_EMPTY: (replies.REPORT_EMPTY, "Nothing to learn: {detail}"),
}

_DEFERRALS: Final[dict[Reason, tuple[Reply, str]]] = {
    Reason.HELLO_IMPLAUSIBLE: (replies.CHECK_UNAVAILABLE, "Your HELO name is {detail} (RFC 5321 2.3.5)"),
    Reason.SENDER_UNRESOLVABLE: (
        replies.REVERSE_DOMAIN_UNRESOLVED,
        "{detail} has neither MX nor address records; correct the DNS and try again",
    ),
    Reason.DNS_LISTED: (replies.LISTED_FOR_NOW, "{detail}"),
    Reason.AUTHOR_IMPERSONATES: (
        replies.CHECK_UNAVAILABLE,
        "The author appears to be somebody at {detail} and is not known there; write under your own name",
    ),
    Reason.LINK_LISTED: (replies.LISTED_FOR_NOW, "The message names a listed host: {detail}"),
    Reason.RECIPIENT_UNPLACEABLE: (replies.MAILBOX_BUSY, "{detail} leads nowhere just now"),
    Reason.RECIPIENT_BUSY: (replies.RECIPIENT_TOO_FAST, "{detail}"),
    Reason.PERSON_BUSY: (replies.PERSON_TOO_FAST, "{detail}"),
    Reason.GREYLISTED: (replies.GREYLISTED, "Greylisted: {detail}"),
    Reason.LINE_ENDINGS: (
        replies.CHECK_UNAVAILABLE,
        "{detail} in content; lines end in CRLF (RFC 5321 2.3.8)",
    ),
    Reason.SPF_FAIL: (replies.SPF_DEFERRED, "{detail}; correct the DNS and try again"),
    Reason.SPF_PERMERROR: (replies.SPF_BROKEN_FOR_NOW, "{detail}; correct the DNS and try again"),
    Reason.DMARC_REJECT: (replies.DMARC_DEFERRED, "{detail}"),
    Reason.DMARC_QUARANTINE: (replies.DMARC_DEFERRED, "{detail}"),
    Reason.REVERSE_NAME_UNVERIFIED: (
        replies.REVERSE_NAME_DEFERRED,
        "{detail}; correct the DNS and try again",
    ),
    Reason.UNSCANNABLE: (replies.CHECK_UNAVAILABLE, "Content could not be scanned for viruses: {detail}"),
    Reason.SCANNER_UNAVAILABLE: (
        replies.SCANNER_UNAVAILABLE,
        "The virus scanner is not available; try again later",
    ),
    Reason.CHECK_FAILED: (replies.CHECK_UNAVAILABLE, "The message could not be examined; try again later"),
    Reason.NEXT_HOP_DEFERRED: (replies.NEXT_HOP_DEFERRED, "{detail}"),
    Reason.QUOTA: (replies.QUOTA_FULL, "Mailbox is full"),
    Reason.STORAGE_FULL: (replies.STORAGE_FULL, "No room to store mail now; try again later"),
    Reason.MIXED_VERDICTS: (
        replies.SPLIT_RETRY,
        "The answer differs between your recipients; send again and each will have its own",
    ),
    Reason.OTHER_CLASS: (replies.SPLIT_LATER, "Send to this recipient in a transaction of its own"),
    Reason.OWN_FAULT: (replies.LOCAL_ERROR, "Local error; try again later"),
    Reason.UNREADABLE: (replies.CHECK_UNAVAILABLE, "Content could not be examined: {detail}"),
    Reason.EXECUTABLE_ATTACHMENT: (
        replies.CHECK_UNAVAILABLE,
        "A program is attached: {detail}; send a link to it instead",
    ),
    Reason.SCRIPT_ATTACHMENT: (
        replies.CHECK_UNAVAILABLE,
        "A script or shortcut is attached: {detail}; send a link to it instead",
    ),
    Reason.MACRO_DOCUMENT: (
        replies.CHECK_UNAVAILABLE,
        "A document with a program in it is attached: {detail}; send it without macros, or as PDF",
    ),
    Reason.DISK_IMAGE: (
        replies.CHECK_UNAVAILABLE,
        "A disk image is attached: {detail}; send the files in it by themselves",
    ),
    Reason.ACTIVE_PAGE: (
        replies.CHECK_UNAVAILABLE,
        "A page with script or a form is attached: {detail}; send a link to it, or a PDF",
    ),
    Reason.ENCRYPTED_ARCHIVE: (
        replies.CHECK_UNAVAILABLE,
        "An attachment has a password and cannot be examined: {detail}; send it without one, or a link",
    ),
    Reason.UNREADABLE_ARCHIVE: (
        replies.CHECK_UNAVAILABLE,
        "An attachment cannot be examined: {detail}; send its files unpacked, or a link",
    ),
    Reason.DISGUISED_ATTACHMENT: (
        replies.CHECK_UNAVAILABLE,
        "The name of an attachment hides what it is: {detail}; give it a plain name",
    ),
    Reason.CONTENT_UNREADABLE: (
        replies.CHECK_UNAVAILABLE,
        "The MIME structure cannot be read in one way only: {detail} (RFC 2045)",
    ),
}

_DETAIL_CHARS: Final = 300
"""Enough for any address, and little enough that the id always fits in the line (RFC 5321 §4.5.3.1.5)."""


def reply_to(verdict: Verdict, trace_id: str, accepted: Reply = replies.MESSAGE_OK) -> Reply:
    """The reply that a verdict earns.

    trace_id: session or transaction id, shown in square brackets.
    accepted: what is said when the message is taken, to be delivered or to be held.
    The reply itself turns what is not printable ASCII into `?` (`clement.smtp.replies`).
    """
    if isinstance(verdict, TAKEN):
        return accepted
    if isinstance(verdict, Defer):
        reply, words = _DEFERRALS[verdict.reason]
    else:
        reply, words = _REFUSALS[verdict.reason]
    return reply.with_text(f"{words.replace('{detail}', verdict.detail[:_DETAIL_CHARS])} [{trace_id}]")
