"""The names of the events in Clement's own log (stderr, journald), each with what it means.

Not the mail log: what happened to messages is in the journal and in SQL. An event tells the person who runs
the machine something that he may have to act on.
"""

from __future__ import annotations

from typing import Final

DESCRIBED: Final[dict[str, str]] = {}
"""What each event means, by its name."""


def _event(name: str, description: str) -> str:
    if name in DESCRIBED:
        raise ValueError(f"event {name} is described twice")
    DESCRIBED[name] = description
    return name


# --- journal ------------------------------------------------------------------------------------------

JOURNAL_UNWRITABLE: Final = _event(
    "journal-unwritable", "The journal's disk refuses records; they wait in memory, within bounds"
)
JOURNAL_WRITABLE: Final = _event("journal-writable", "The journal's disk takes records again")
JOURNAL_LIMIT: Final = _event(
    "journal-limit", "The journal is as large as it may become; from now on records are dropped"
)
JOURNAL_BELOW_LIMIT: Final = _event("journal-below-limit", "The journal has room again")
JOURNAL_GAP: Final = _event("journal-gap", "Records were dropped; how many of each kind")
JOURNAL_RECORD_UNFIT: Final = _event(
    "journal-record-unfit", "A record could not be encoded or was too large, and was dropped or shortened"
)
JOURNAL_NOT_SYNCED: Final = _event(
    "journal-not-synced", "A finished segment could not be synced: loss of power may lose log records"
)

# --- recorder -----------------------------------------------------------------------------------------

RECORDER_STARTED: Final = _event("recorder-started", "The recorder moves records from the journal into SQL")
RECORDER_STOPPED: Final = _event(
    "recorder-stopped", "The recorder stopped; what it left waits in the journal"
)
RECORDER_WAITS: Final = _event(
    "recorder-waits", "Another recorder is at work in this journal; this one waits until it has ended"
)
RECORDER_BEHIND: Final = _event("recorder-behind", "The recorder is behind: how far, in octets and seconds")
RECORDER_CAUGHT_UP: Final = _event("recorder-caught-up", "The recorder is no longer behind")
LOG_UNAVAILABLE: Final = _event("log-unavailable", "SQL takes no records; they wait in the journal")
LOG_AVAILABLE: Final = _event("log-available", "SQL takes records again")
JOURNAL_DAMAGED: Final = _event(
    "journal-damaged",
    "Octets of a segment belong to no valid record and were skipped (after a kill: a torn end)",
)
JOURNAL_UNREADABLE: Final = _event(
    "journal-unreadable", "The journal or a segment cannot be read; it is tried again"
)
JOURNAL_THINNED: Final = _event(
    "journal-thinned", "The oldest records were shortened or dropped to keep the journal within its limit"
)
RECORD_REJECTED: Final = _event(
    "record-rejected", "A record could not be decoded or SQL refused it; it was set aside"
)

# --- server -------------------------------------------------------------------------------------------

SESSION_FAULT: Final = _event("session-fault", "Our own fault in a session; the client was told to come back")
TLS_FAILED: Final = _event("tls-failed", "A TLS handshake did not succeed")
ACCEPT_FAILED: Final = _event(
    "accept-failed",
    "No connection can be accepted: descriptors or memory are used up; tried again in a second",
)
PROXY_HEADER_BAD: Final = _event(
    "proxy-header-bad", "A balancer sent no usable PROXY header; its client was dropped"
)
DATABASE_UNSAFE: Final = _event(
    "database-unsafe", "The database may forget what it confirmed; the setting to change"
)
DIRECTORY_UNREADABLE: Final = _event(
    "directory-unreadable", "The directory snapshot cannot be read; the last one stands"
)
DIRECTORY_UNWRITABLE: Final = _event(
    "directory-unwritable", "The directory snapshot cannot be written; receivers go on with the one they have"
)
RETIRED: Final = _event("retired", "Rows of the log that were older than it is kept were deleted; how many")
RETENTION_FAILED: Final = _event(
    "retention-failed", "SQL did not delete old log rows; tried again in an hour"
)
LISTS_CONCLUDED: Final = _event(
    "lists-concluded", "The steward changed the banned and trusted server lists; how many entries and how"
)
LISTS_FAILED: Final = _event(
    "lists-failed", "SQL did not let the steward count or conclude; tried again in a minute"
)
SWEPT: Final = _event("swept", "Files that crashes and clients left behind were removed; how many")
DIRECTORY_UNAVAILABLE: Final = _event(
    "directory-unavailable", "SQL does not give the directory; the last snapshot stands"
)
CHECKER_FAILED: Final = _event("checker-failed", "A checker died or took too long over a message")
PROCESS_STARTED: Final = _event("process-started", "The supervisor started a process")
PROCESS_ENDED: Final = _event("process-ended", "A process ended; by itself, or because it was told to")
PROCESS_RESTARTS: Final = _event("process-restarts", "A process that ended is started again after a pause")
PROCESS_KILLED: Final = _event("process-killed", "A process did not end in time and was killed")
SCANNER_FAILED: Final = _event(
    "scanner-failed", "clamd is away, slow or talks nonsense; mail is deferred meanwhile"
)
SCANNER_ANSWERS: Final = _event("scanner-answers", "clamd answers, or has loaded another database")
SCANNER_DATABASE_OLD: Final = _event(
    "scanner-database-old", "The virus signatures are old; is freshclam running?"
)
SCANNER_LIMITS_SILENT: Final = _event(
    "scanner-limits-silent",
    "clamd calls clean what it did not look at for its limits: set AlertExceedsMax yes in clamd.conf",
)
DNS_LIST_TRUSTED: Final = _event("dns-list-trusted", "A DNS list bears its test entries and is asked")
DNS_LIST_OUT_OF_USE: Final = _event(
    "dns-list-out-of-use", "A DNS list cannot be believed and is not asked; why, and it is looked at again"
)
DNS_LIST_ODD_ANSWER: Final = _event(
    "dns-list-odd-answer", "A DNS list gave an address outside 127.0.0.0/8, which is no listing"
)
MESH_UNREADABLE: Final = _event(
    "mesh-unreadable", "The snapshot of the mesh cannot be read; peers are told what stood in the last one"
)
MESH_CALL_FAILED: Final = _event("mesh-call-failed", "A peer of the mesh could not be spoken with")
MESH_PEER_UNHEARD: Final = _event(
    "mesh-peer-unheard",
    "A peer of the mesh has lost its standing: it bans servers whose mail is accepted here; ask its people",
)
MESH_FAILED: Final = _event("mesh-failed", "A round of the mesh came to nothing; it is tried again")
LEARNED: Final = _event("learned", "A new version of the learned model is in SQL; its lessons")
LEARNING_FAILED: Final = _event(
    "learning-failed", "Lessons could not be learned or given out; it is tried again, none is lost"
)
MODEL_UNAVAILABLE: Final = _event(
    "model-unavailable", "The newest learned model could not be brought here; the last one stands"
)
MODEL_UNREADABLE: Final = _event(
    "model-unreadable", "The learned model cannot be read; mail is judged with the last one, or without"
)
POSTMASTER_LOST: Final = _event(
    "postmaster-lost",
    "No mailbox takes mail for postmaster, as RFC 5321 wants it: add one, or set site.postmaster",
)
STAYS_ROOT: Final = _event(
    "stays-root", "Started as root, and processes.user is empty: every process runs as root"
)
GREYLIST_ANEW: Final = _event(
    "greylist-anew",
    "A table of greylisting could not be used and was begun anew: senders are asked once more",
)
SPLITS_UNAVAILABLE: Final = _event(
    "splits-unavailable",
    "The memory of split transactions cannot be opened: a receiver remembers its own until it starts again",
)
GREYLIST_UNAVAILABLE: Final = _event(
    "greylist-unavailable",
    "The memory of greylisting cannot be opened: meanwhile nobody is asked to come back",
)
HELD_COPY_LOST: Final = _event("held-copy-lost", "No copy of a refused message could be kept; and why")
HELD_USAGE_FAILED: Final = _event(
    "held-usage-failed", "What is held could not be counted; it is counted anew within the hour"
)
HELD_DAMAGED: Final = _event("held-damaged", "Files of a held message are not what was written; look at them")
HELD_RECONCILED: Final = _event(
    "held-reconciled", "The index of held mail was made to agree with its files; how many entries"
)
HELD_EXPIRED: Final = _event("held-expired", "Held mail was removed for its age; how many messages")
HELD_FAILED: Final = _event("held-failed", "A round over held mail came to nothing; it is tried again")
OBJECT_STORE_FAILED: Final = _event(
    "object-store-failed",
    "The object store does not take held mail; it lies on its node, and is offered again",
)
RELEASE_FAILED: Final = _event(
    "release-failed", "A released message could not be delivered; it is tried again"
)
HELD_MEMORY_UNAVAILABLE: Final = _event(
    "held-memory-unavailable",
    "The memory of released messages cannot be opened: a sender's own retry may come as a second copy",
)
REFUSED_COPY_LOST: Final = _event(
    "refused-copy-lost", "A copy of a refused message could not be kept; the refusal stands"
)
SERVING: Final = _event("serving", "Listening on these addresses")
RELOADED: Final = _event("reloaded", "A new configuration is in force")
RELOAD_REFUSED: Final = _event(
    "reload-refused", "The new configuration is broken; the old one stays in force"
)
RELOAD_UNFINISHED: Final = _event(
    "reload-unfinished", "New processes could not be started; those of before go on, and it is tried again"
)
STOPPING: Final = _event("stopping", "Told to stop; sessions under way are finished first")

# --- digests ------------------------------------------------------------------------------------------

DIGEST_SENT: Final = _event("digest-sent", "Somebody was told of his held mail")
DIGEST_FAILED: Final = _event("digest-failed", "A digest could not be delivered; it is tried again")
RECEIPT_SENT: Final = _event("receipt-sent", "Somebody was told what was learned of his report")
RECEIPT_FAILED: Final = _event("receipt-failed", "A receipt of a report could not be delivered")
LINK_NOT_FOLLOWED: Final = _event("link-not-followed", "What a digest's link asked for could not be done")
