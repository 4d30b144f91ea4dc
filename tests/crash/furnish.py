"""Fills a directory, in one process: `python -m tests.crash.furnish CONFIG SMTP_PORT LMTP_PORT`.

local.example is kept here, relay.example is handed on by SMTP, lmtp.example is stored by another over LMTP.
"""

import sys
from pathlib import Path

from clement.cli.database import operator
from clement.policy.directory import Mode, NextHop, Storage, TlsUse, Wire

LOCAL = ("anna@local.example", "bruno@local.example", "carla@local.example")
EVERYBODY = "everybody@local.example"
RELAYED = "rita@relay.example"
STORED_ELSEWHERE = "lena@lmtp.example"


def furnish(config: Path, smtp_port: int, lmtp_port: int) -> None:
    with operator(config) as actor:
        from clement.store.actions.alias import add_alias
        from clement.store.actions.domain import add_domain
        from clement.store.actions.group import add_group
        from clement.store.actions.mailbox import add_mailbox

        smtp = NextHop(host="127.0.0.1", port=smtp_port, tls=TlsUse.NEVER)
        lmtp = NextHop(host="127.0.0.1", port=lmtp_port, tls=TlsUse.NEVER, wire=Wire.LMTP)
        add_group(actor, "local")
        add_group(actor, "relay", mode=Mode.RELAY, next_hops=[smtp])
        add_group(actor, "lmtp", storage=Storage.LMTP, next_hops=[lmtp])
        for group in ("local", "relay", "lmtp"):
            add_domain(actor, f"{group}.example", group)
        for address in LOCAL:
            add_mailbox(actor, address)
        add_alias(actor, EVERYBODY, LOCAL)


if __name__ == "__main__":
    furnish(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
