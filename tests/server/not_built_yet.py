"""Hostile cases that no test of this server can play, each with the reason. `test_every_case` reads this."""

ELSEWHERE = {
    114: "a COMMIT of unknown outcome: none stands between content and reply; the recorder repeats it by id",
    115: "deadlocks and lock time-outs meet the recorder alone, which tries again (tests/store)",
    116: "a full or read-only database meets the recorder alone: SQL holds no promise made to a client",
    118: "second-order injection: nothing reads stored text yet to build SQL or mail of it",
    123: "power loss: tests/delivery forgets what was not synced, file by file and name by name",
    125: "a jumping clock: time-outs use the loop's monotonic clock; Maildir names are in tests/delivery",
}

LATER = {
    60: "remote login over POP3, IMAP or SMTP comes with its own issue; people log in with local passwords",
    61: "the same: no tenant configures a remote server yet",
    62: "the same: there is no remote login whose answer could be hostile",
    112: "the age of the signature database is watched in tests/net; no reply depends on it",
    131: "fair shares between groups need the queue's scheduler; clients are bounded one by one",
}

REASONS = {**ELSEWHERE, **LATER}
