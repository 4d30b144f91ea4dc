"""The named points at which the machine may fail or die: from a client's dot to our reply, or in a release.

The list is closed: the crash matrix of the tests visits each member with each kind of fault, so a step that
is not named here is a step nobody has tried to break. The names are the past tense of what has just been
asked of the system when the point is passed.
"""

from __future__ import annotations

from enum import StrEnum


class Point(StrEnum):
    """A step whose failure, delay or sudden death the tests can arrange."""

    # Content too large for memory, beside the spool.
    CONTENT_CREATED = "content.created"
    CONTENT_WRITTEN = "content.written"
    CONTENT_READ = "content.read"

    # Final delivery into a Maildir: bytes, name, folder, and only then the reply.
    MAILDIR_MADE = "maildir.made"
    MAILDIR_MADE_SYNCED = "maildir.made-synced"
    MAILDIR_CREATED = "maildir.created"
    MAILDIR_WRITTEN = "maildir.written"
    MAILDIR_SYNCED = "maildir.synced"
    MAILDIR_PLACED = "maildir.placed"
    MAILDIR_FOLDER_SYNCED = "maildir.folder-synced"
    MAILDIR_TAKEN_BACK = "maildir.taken-back"

    # Cut-through to a next hop.
    RELAY_RECIPIENTS_ACCEPTED = "relay.recipients-accepted"
    RELAY_CONTENT_SENT = "relay.content-sent"
    RELAY_ANSWERED = "relay.answered"

    # The journal's record of the transaction, and our reply on the socket.
    JOURNAL_BEFORE = "journal.before"
    JOURNAL_AFTER = "journal.after"
    REPLY_BEFORE = "reply.before"
    REPLY_AFTER = "reply.after"

    # A message kept instead of delivered: content and manifest, their names, their folder.
    HELD_MADE = "held.made"
    HELD_MADE_SYNCED = "held.made-synced"
    HELD_CREATED = "held.created"
    HELD_WRITTEN = "held.written"
    HELD_SYNCED = "held.synced"
    HELD_PLACED = "held.placed"
    HELD_FOLDER_SYNCED = "held.folder-synced"
    HELD_KEPT = "held.kept"
    HELD_KEPT_SYNCED = "held.kept-synced"
    HELD_TAKEN_BACK = "held.taken-back"

    # Its way out again, in the courier: read, delivered, marked beside the content, marked in SQL; removed.
    RELEASE_READ = "release.read"
    RELEASE_DELIVERED = "release.delivered"
    RELEASE_MARKED = "release.marked"
    RELEASE_MARK_SYNCED = "release.mark-synced"
    RELEASE_RECORDED = "release.recorded"
    HELD_REMOVED = "held.removed"
