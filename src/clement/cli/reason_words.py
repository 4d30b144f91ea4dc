"""Every reason of the log in words: what happened, and what either side can do about it.

The reply told the client the same more shortly (`clement.policy.wording`); this is for whoever may
read the log. What could have lifted a reason is not written here but read from `clement.policy.reason`.
"""

from __future__ import annotations

from typing import NamedTuple

from clement.policy.reason import Reason


class Words(NamedTuple):
    """happened: a sentence. sender, postmaster: what each can do; the latter runs this site."""

    happened: str
    sender: str = ""
    postmaster: str = ""


RETRY = "Nothing: the sending server tries again by itself."

WORDS: dict[Reason, Words] = {
    Reason.ACCEPTED: Words("Nothing spoke against it, and it was placed before the answer was given."),
    Reason.NETWORK_BANNED: Words(
        "The client's network is banned here, whatever a recipient says.",
        "Ask the postmaster of this site, by another way than this network.",
        "`clement network list` shows the ban; remove it, or give it an end.",
    ),
    Reason.NETWORK_UNWELCOME: Words(
        "The client's network is banned here, and no recipient makes an exception for it.",
        "Ask the recipient, by another way, to accept mail from this network.",
        "Remove the ban, or add a directive that accepts this client for one recipient.",
    ),
    Reason.SERVER_BANNED: Words(
        "The client is on the list of banned servers for what it has done here before.",
        "Stop what the reply names; the ban ends by itself, or write to the postmaster by another way.",
        "`clement banned show ADDRESS` shows the evidence, `clement banned remove ADDRESS` pardons it.",
    ),
    Reason.EARLY_TALKER: Words(
        "The client spoke before it was greeted, as programs do that only want to be rid of their mail.",
        "Correct the program that sends, or look for a proxy on the way; a mail server waits.",
        "limits.refuse_early_talkers decides what follows from it; limits.greeting_delay_s gives it time.",
    ),
    Reason.PIPELINING: Words(
        "The client went on without the reply it had to wait for (RFC 2920 §3.1).",
        "Correct the program that sends; a mail server waits after EHLO and DATA.",
        "limits.refuse_unpermitted_pipelining decides what follows from it.",
    ),
    Reason.HELLO_IMPERSONATES: Words(
        "The client greeted with our own name or address.",
        "Greet with the sending host's own name (RFC 5321 §4.1.1.1).",
        "If it is one of your hosts, make its network relayable, or correct what it calls itself.",
    ),
    Reason.HELLO_IMPLAUSIBLE: Words(
        "The name in the client's greeting cannot be the name of a mail server, or is a domain hosted here.",
        "Greet with the sending host's own name, one that has a dot and resolves (RFC 5321 §2.3.5).",
        "The group's policy implausible_hello decides what follows from it.",
    ),
    Reason.LOGIN_REQUIRED: Words(
        "This door is for people who log in, and the client had not.",
        "Turn on SMTP authentication in the mail program.",
        "Mail from other servers belongs to the mx listener, port 25.",
    ),
    Reason.SENDER_NOT_OWNED: Words(
        "The person who logged in may not post under this address.",
        "Use an address of one's own mailboxes.",
        "`clement person change LOGIN --allow ADDRESS` gives the right.",
    ),
    Reason.AUTHOR_NOT_OWNED: Words(
        "The person who logged in posted with the null reverse-path, as receipts and notices of absence are, "
        "and the author is not one of his addresses.",
        "Write in From an address of one's own mailboxes.",
        "`clement person change LOGIN --allow ADDRESS` gives the right.",
    ),
    Reason.SENDER_UNRESOLVABLE: Words(
        "The domain of the reverse-path has neither MX nor address records: nobody there could be answered.",
        "Correct the domain's DNS, or the sender's address.",
        "The group's policy unresolvable_sender decides what follows from it.",
    ),
    Reason.SENDER_REFUSES_MAIL: Words(
        "The domain of the reverse-path says in the DNS that it takes no mail (RFC 7505).",
        "Send from a domain that can be answered.",
    ),
    Reason.DNS_LISTED: Words(
        "DNS lists know the client, its greeting or its sender's domain as a source of unwanted mail.",
        "Ask the list that the answer names what it has seen, mend that, and have the entry removed.",
        "The group's policy dns_listed decides what follows from it; [[dns_list]] says what a list is worth.",
    ),
    Reason.RELAY_DENIED: Words(
        "The recipient's domain is not hosted here, and the client may not relay.",
        "Send it to the servers of that domain, or log in.",
        "`clement domain add` hosts the domain; `clement network add` lets a network relay.",
    ),
    Reason.OUTGOING_UNAVAILABLE: Words(
        "The recipient is elsewhere, and this version does not send mail to other sites.",
        "Use another way to send it.",
    ),
    Reason.RECIPIENT_UNKNOWN: Words(
        "The domain is hosted here; the mailbox does not exist, here or at the next hop.",
        "Check the address.",
        "`clement mailbox add` or `clement alias add` makes it; a domain can have a catch-all.",
    ),
    Reason.RECIPIENT_UNPLACEABLE: Words(
        "The address is an alias that leads nowhere, in a circle, or to several places at once.",
        RETRY,
        "`clement alias show ADDRESS`, then give it targets that one answer can be true for.",
    ),
    Reason.RECIPIENT_BUSY: Words(
        "The mailbox was sent more messages in a minute than it may have.",
        RETRY,
        "limits.messages_per_minute_of_recipient of the configuration is the limit.",
    ),
    Reason.PERSON_BUSY: Words(
        "The person who logged in named more recipients in an hour than one may; so does a stolen password.",
        "Wait, and send to fewer at once.",
        "limits.recipients_per_hour_of_person of the configuration is the limit. If it was not this person: "
        "`clement person change LOGIN --new-password`.",
    ),
    Reason.DIRECTIVE_REFUSES: Words(
        "A directive refuses mail of this sender for this recipient.",
        "Ask the recipient, by another way.",
        "Remove the directive, or add an accepting one in a narrower scope (a final one: in the same scope).",
    ),
    Reason.DIRECTIVE_QUARANTINES: Words(
        "A directive holds mail of this sender for its recipient to look at.",
        "Nothing: the recipient finds it among his held mail. Ask him, by another way, to release it.",
        "Remove the directive, or add an accepting one in a narrower scope (a final one: in the same scope).",
    ),
    Reason.UNWANTED: Words(
        "All that was found adds up to mail that its recipient most likely does not want.",
        "Ask the recipient, by another way, to accept the address; or write to the postmaster of this site.",
        "The findings show what weighed how much. A directive that accepts the sender lifts it; `tag_at`, "
        "`quarantine_at` and `refuse_at` of site, group, domain and mailbox say from where on it counts.",
    ),
    Reason.DELIVERED_BEFORE: Words(
        "The recipient has this message already: it was sent again after a copy of it had been released.",
        "Nothing: the recipient has it.",
    ),
    Reason.GREYLISTED: Words(
        "The sender is not known here, and his server was asked to send again a little later: most that "
        "send spam never do.",
        RETRY,
        "`clement greylist list` shows who waits. A directive skip-greylisting spares mail the delay, and "
        "the group's policy greylisting decides who is asked at all.",
    ),
    Reason.AUTHOR_IMPERSONATES: Words(
        "The author bears a name or a domain that readers take for somebody here, and is somebody else.",
        "Write under your own name, or from an address of that domain.",
        "The group's policy impersonation decides what follows from it; a directive that accepts the address "
        "lets people write from elsewhere.",
    ),
    Reason.LINK_LISTED: Words(
        "DNS lists know a host that the message links to, or wants to be answered at, for unwanted mail.",
        "Ask the list that the answer names what it has seen there; leave out the link.",
        "The group's policy link_listed decides what follows; [[dns_list]] says what a list is worth.",
    ),
    Reason.RULE_REFUSES: Words(
        "A rule of an administrator matches the content.",
        "Ask the recipient, by another way, what his site does not take.",
        "The finding names the rule: `clement rule show NUMBER`, `clement rule test FILE`.",
    ),
    Reason.RULE_QUARANTINES: Words(
        "A rule of an administrator matches the content, and asks to hold it.",
        "Nothing: the recipient can release it.",
        "The finding names the rule: `clement rule show NUMBER`, `clement rule test FILE`.",
    ),
    Reason.TOO_LARGE: Words(
        "The message is larger than the recipient's group takes.",
        "Send a link instead, or less.",
        "The group's policy size_limit_bytes is the limit, and limits.size_bytes of the configuration.",
    ),
    Reason.LOOP: Words(
        "The message has been here before, or passed too many servers: it goes round in circles.",
        "Look for a forwarding that leads back here.",
        "Look for an alias or next hop that leads back here.",
    ),
    Reason.LINE_ENDINGS: Words(
        "The content had line ends that are not CRLF, a way to smuggle a second message (RFC 5321 §2.3.8).",
        "Correct the program that sends; a mail server does this right.",
        "The group's policy bare_line_endings decides what follows from it.",
    ),
    Reason.NUL_OCTET: Words(
        "The content holds a NUL octet (RFC 5322 §4).", "Encode the content, as MIME does."
    ),
    Reason.SEVERAL_AUTHORS: Words(
        "The header names its author more than once; what a reader sees and what was checked could differ.",
        "Send one From field (RFC 5322 §3.6).",
    ),
    Reason.AUTHOR_MALFORMED: Words(
        "The From field cannot be read.", "Correct the From field (RFC 5322 §3.6.2)."
    ),
    Reason.HEADER_MALFORMED: Words("The header cannot be read.", "Correct the header (RFC 5322 §2.2)."),
    Reason.SPF_FAIL: Words(
        "The domain of the reverse-path says in its SPF record that this client may not send in its name.",
        "Send through the domain's own servers, or add this one to its SPF record (RFC 7208).",
        "The group's policy spf_fail decides what follows from it.",
    ),
    Reason.SPF_PERMERROR: Words(
        "The SPF record of the reverse-path's domain cannot be evaluated.",
        "Correct the record: the reply says what is wrong with it.",
        "The group's policy spf_permerror decides what follows from it.",
    ),
    Reason.DMARC_REJECT: Words(
        "The owner of the author's domain asks to reject mail that neither SPF nor DKIM ties to it.",
        "Send through the domain's own servers, or have it signed by them with DKIM.",
        "The group's policy dmarc_reject decides; trusted_sealers names lists whose ARC seals you believe.",
    ),
    Reason.DMARC_QUARANTINE: Words(
        "The owner of the author's domain asks to distrust mail that neither SPF nor DKIM ties to it.",
        "Send through the domain's own servers, or have it signed by them with DKIM.",
        "The group's policy dmarc_quarantine decides what follows from it.",
    ),
    Reason.REVERSE_NAME_UNVERIFIED: Words(
        "The client's address has no name in the DNS, or one that does not have this address.",
        "Have the provider give the address a name, and the name the address.",
        "The group's policy unverified_reverse_name decides what follows from it.",
    ),
    Reason.VIRUS: Words(
        "The virus scanner found a signature in the content; nothing overrides that.",
        "Clean the machine that sent it, or send the file in another way.",
        "If the signature is wrong, report it to those who made it, or except it in clamd.",
    ),
    Reason.UNSCANNABLE: Words(
        "The scanner could not look at all of the content: encrypted, too deep, or too large to unpack.",
        "Send it unencrypted or in smaller parts, or agree on another way.",
        "The group's policy unscannable decides what follows from it.",
    ),
    Reason.UNREADABLE: Words(
        "The content could not be taken apart to its end: built without measure, or it broke what reads it.",
        "Send it again from another program, or in smaller parts.",
        "The group's policy unscannable decides what follows from it.",
    ),
    Reason.SCANNER_UNAVAILABLE: Words(
        "The virus scanner was away, overloaded or too slow.",
        RETRY,
        "Look after clamd; the group's policy scanner_unavailable decides what follows from it.",
    ),
    Reason.CHECK_FAILED: Words(
        "The message could not be examined.", RETRY, "The log of the processes says why."
    ),
    Reason.NEXT_HOP_REFUSED: Words(
        "The next hop refused it while the client waited; its answer became ours.",
        "Act on what the next hop said.",
        "Look into the log of the next hop.",
    ),
    Reason.NEXT_HOP_DEFERRED: Words(
        "The next hop could not take it now, or did not answer.",
        RETRY,
        "Look after the next hop: `clement group show GROUP` names it.",
    ),
    Reason.QUOTA: Words(
        "The mailbox is full.",
        "Tell the recipient by another way; the sending server tries again meanwhile.",
        "`clement mailbox change ADDRESS --quota SIZE`, or have mail deleted.",
    ),
    Reason.STORAGE_FULL: Words("There was no room on the disk.", RETRY, "Make room, or move the mail root."),
    Reason.MIXED_VERDICTS: Words(
        "The answer differs between the recipients, and one reply would not be true for all.",
        "Nothing: on the retry each kind of recipient gets its own transaction.",
    ),
    Reason.OTHER_CLASS: Words(
        "This recipient was split off, so that the transaction could have one true answer.",
        "Nothing: the sending server sends to this recipient in another transaction.",
    ),
    Reason.TOO_MANY_RECIPIENTS: Words(
        "The transaction had more recipients than one may have.",
        "Nothing: the sending server sends to the rest in another transaction.",
        "limits.recipients of the configuration is the limit.",
    ),
    Reason.PROTOCOL_ERROR: Words("The client broke the protocol.", "Correct the program that sends."),
    Reason.TOO_MANY_ERRORS: Words(
        "The client made more mistakes than are borne.",
        "Correct the program that sends.",
        "limits.errors of the configuration is the limit.",
    ),
    Reason.TOO_MANY_SESSIONS: Words(
        "There were too many sessions at once, of this client or of all.",
        RETRY,
        "limits.sessions and limits.sessions_per_client of the configuration are the limits.",
    ),
    Reason.TOO_FAST: Words(
        "The client, its network or its reverse-path connected, or sent messages, more often in a minute "
        "than it may.",
        RETRY,
        "limits.connections_per_minute and limits.messages_per_minute of the configuration, and those "
        "_of_network and _of_reverse_path, are the limits; a trusted network has none.",
    ),
    Reason.DICTIONARY: Words(
        "The client, or its network with it, named too many unknown recipients in an hour, more than it "
        "brought messages.",
        "Take the addresses that do not exist from the list; the sending server tries again by itself.",
        "limits.unknown_recipients_per_hour of the configuration, and that _of_network, are the limits; a "
        "trusted network has none.",
    ),
    Reason.LOGIN_FAILED: Words(
        "The login or the password was wrong.",
        "Check both in the mail program.",
        "`clement person show LOGIN`; `clement person change LOGIN --new-password`.",
    ),
    Reason.LOGIN_ENDED: Words(
        "While the session was open, the person was removed or turned off, or given another password.",
        "Log in again; if the password was changed, with the new one.",
        "`clement person show LOGIN` says whether he may log in.",
    ),
    Reason.TIMEOUT: Words(
        "The client said nothing for too long, or was too slow.",
        "Look for a firewall or a proxy on the way that holds packets back.",
        "The time-outs are in limits of the configuration.",
    ),
    Reason.SHUTTING_DOWN: Words("We were being stopped.", RETRY),
    Reason.REPORT_EMPTY: Words(
        "What was sent to an address for reports had no message attached to it.",
        "Forward the message as an attachment; most programs can.",
    ),
    Reason.OWN_FAULT: Words(
        "A fault of ours.", RETRY, "The log of the processes has the traceback: report it."
    ),
    Reason.EXECUTABLE_ATTACHMENT: Words(
        "A program is attached, or lies in an archive that is.",
        "Offer it for download, and send a link.",
        "The group's policy executable_attachment decides what follows from it.",
    ),
    Reason.SCRIPT_ATTACHMENT: Words(
        "A script or a shortcut is attached: a click would run it, or what it leads to.",
        "Send a link, or the script as text with .txt at the end of its name.",
        "The group's policy script_attachment decides what follows from it.",
    ),
    Reason.MACRO_DOCUMENT: Words(
        "A document is attached that holds a program, or loads one from elsewhere.",
        "Save it without macros, or send it as PDF.",
        "The group's policy macro_document decides what follows from it.",
    ),
    Reason.DISK_IMAGE: Words(
        "A disk image is attached; desktops mount it at a click, and what is in it counts as local.",
        "Send the files in it by themselves, or in a zip archive.",
        "The group's policy disk_image decides what follows from it.",
    ),
    Reason.ACTIVE_PAGE: Words(
        "A page with script, a form or a frame is attached; a browser would run it from the disk.",
        "Send a link to the page, or a PDF of it.",
        "The group's policy active_page decides what follows from it.",
    ),
    Reason.ENCRYPTED_ARCHIVE: Words(
        "An archive or document is attached that needs a password; nobody can look into it.",
        "Send it without a password, or agree on another way.",
        "The group's policy encrypted_archive decides what follows from it.",
    ),
    Reason.UNREADABLE_ARCHIVE: Words(
        "An attachment is damaged, too deep, too many or too large when unpacked, or of an unknown format.",
        "Send the files in it by themselves, or a link.",
        "The group's policy unreadable_archive decides what follows from it.",
    ),
    Reason.DISGUISED_ATTACHMENT: Words(
        "An attachment is something else than its name says, or its name hides what it is.",
        "Give the file a plain name that says what it is.",
        "The group's policy disguised_attachment decides what follows from it.",
    ),
    Reason.CONTENT_UNREADABLE: Words(
        "The MIME structure can be read in several ways, or not to its end: nobody knows what a reader sees.",
        "Correct the program that sends (RFC 2045, RFC 2046).",
        "The group's policy unreadable_content decides what follows from it.",
    ),
    Reason.REFUSED_ATTACHMENT_NAME: Words(
        "A file is attached, or lies in an archive, whose name the recipient's group refuses.",
        "Agree on another way to send it.",
        "The group's policy refused_attachment_names lists the patterns.",
    ),
}


def words_of(reason: str) -> Words:
    """The words for a reason as it stands in the log, which may be of another version."""
    try:
        return WORDS[Reason(reason)]
    except ValueError:
        return Words(f"The log says: {reason}." if reason else "Nothing was decided.")
