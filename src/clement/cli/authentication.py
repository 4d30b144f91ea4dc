"""The identification of senders as the settings want it."""

from __future__ import annotations

import time

from clement.config.settings import Settings
from clement.message.authentication.organizational_domain import public_suffixes
from clement.message.authentication.signing_key import SigningIdentity, SigningKey
from clement.message.dns import Dns
from clement.policy.identity import Identification, IdentityRules
from clement.server.authentication import Authentication
from clement.spool.workers import Workers


def authentication_for(settings: Settings, dns: Dns, workers: Workers) -> Authentication | None:
    """What sessions need to identify senders; None where it is turned off.

    Raises OSError or SigningKeyError when the key that seals cannot be used.
    """
    wanted = settings.authentication
    if not wanted.enabled:
        return None
    rules = IdentityRules(
        hostname=settings.site.hostname.lower(),
        questions=wanted.questions,
        time_s=wanted.timeout_s,
        tree_walk=wanted.dmarc_tree_walk,
        trusted_sealers=frozenset(sealer.lower() for sealer in wanted.trusted_sealers),
    )
    identification = Identification(dns, rules, time.monotonic)
    return Authentication(identification, workers, wanted.received_spf, sealer_for(settings))


def sealer_for(settings: Settings) -> SigningIdentity | None:
    """Who seals what is relayed; None: nobody. Raises OSError or SigningKeyError."""
    wanted = settings.authentication
    if wanted.arc_domain is None or wanted.arc_key is None:
        return None
    key = SigningKey.from_pem(wanted.arc_key.read_bytes())
    return SigningIdentity(wanted.arc_domain.lower(), wanted.arc_selector, key)


def load_public_suffixes() -> None:
    """Read the public suffix list before forking, so that all receivers share it."""
    public_suffixes()
