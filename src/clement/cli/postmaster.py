"""Whether mail to the postmaster of this site reaches somebody (RFC 5321 §4.5.1)."""

from __future__ import annotations

from clement.cli.wiring import postmaster
from clement.config.settings import Settings


def postmaster_is_lost(settings: Settings) -> bool:
    """Whether no mailbox takes mail for the site's postmaster. Needs a connected store."""
    from clement.policy.directory import Local, Relayed
    from clement.store.snapshot import load_directory

    mailbox = postmaster(settings)
    return not isinstance(load_directory().route(mailbox.local_part, mailbox.domain), Local | Relayed)
