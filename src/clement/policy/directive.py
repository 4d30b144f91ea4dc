"""Directives: rules on a sender-recipient pair, their scope, precedence and the authentication rule.

A narrower scope wins over a wider one, unless one that holds in the wider scope
is marked final; inside a scope the more specific pattern wins. An accept
directive on a sender's *name* counts only when that name is authenticated: an
allow list that a forger can use is a hole.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from math import inf

import msgspec

from clement.policy.network import Address, Network


class Scope(IntEnum):
    """Who a directive speaks for, from the widest to the narrowest."""

    SITE = 0
    GROUP = 1
    DOMAIN = 2
    USER = 3


class Action(StrEnum):
    """What a directive asks for."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SKIP_GREYLISTING = "skip-greylisting"
    QUARANTINE = "quarantine"


class Origin(StrEnum):
    """Where a directive came from (its provenance, shown wherever it is)."""

    HAND = "hand"
    OUTGOING = "outgoing"
    RELEASE = "release"
    IMPORT = "import"


class Directive(msgspec.Struct, frozen=True):
    """One rule.

    scope_key: "" for the site, the group's id, the domain's name, or the mailbox address.
    sender: an address, `@domain` (that domain and below), or "" for anyone.
    client: the rule holds only for clients of this network; it also authenticates the sender's name.
    recipient: an address, `@domain`, or "" for every recipient of the scope.
    final: no narrower scope may say otherwise; exceptions are made in the same scope.
    expires_at: Unix seconds, 0 for never.
    """

    id: int
    scope: Scope
    scope_key: str
    action: Action
    sender: str = ""
    recipient: str = ""
    client: Network | None = None
    origin: Origin = Origin.HAND
    final: bool = False
    expires_at: int = 0
    note: str = ""


class Correspondence(msgspec.Struct, frozen=True):
    """The pair a directive is sought for. `sender` is "" for the null reverse-path.

    recipient: as it was addressed. user: the mailbox that stands behind it, where that is one and another: a
    subaddress or an alias must not be a way around what its owner says.
    authenticated: the names proven for this message, full addresses and `@domain`.
    """

    client: Address
    sender: str
    recipient: str
    recipient_domain: str
    group_id: int
    authenticated: frozenset[str] = frozenset()
    user: str = ""


def specificity(directive: Directive) -> tuple[int, int, int]:
    """Order inside one scope: sender, then recipient, then client; the longer the more specific."""
    return (
        _pattern_weight(directive.sender),
        _pattern_weight(directive.recipient),
        directive.client.prefixlen + 1 if directive.client is not None else 0,
    )


def _pattern_weight(pattern: str) -> int:
    """An address outweighs every domain; a longer domain name outweighs one above it."""
    if not pattern:
        return 0
    return len(pattern) if pattern.startswith("@") else 1000


class DirectiveIndex:
    """Directives by scope; a look-up touches only those that could speak for the recipient."""

    __slots__ = ("_accepts_anywhere_until", "_accepts_until", "_by_scope", "_size", "_skipping")

    def __init__(self, directives: Iterable[Directive] = ()) -> None:
        self._by_scope: dict[tuple[Scope, str], dict[str, list[Directive]]] = {}
        # When the last accepting directive ends: of those for any client, and of those for one network.
        self._accepts_anywhere_until = 0.0
        self._accepts_until: dict[Network, float] = {}
        self._size = 0
        self._skipping = 0
        for directive in directives:
            self._size += 1
            self._skipping += directive.action is Action.SKIP_GREYLISTING
            senders = self._by_scope.setdefault((directive.scope, directive.scope_key), {})
            senders.setdefault(directive.sender, []).append(directive)
            if directive.action is Action.ACCEPT:
                self._note_accepting(directive)

    def _note_accepting(self, directive: Directive) -> None:
        until = directive.expires_at or inf
        if directive.client is None:
            self._accepts_anywhere_until = max(self._accepts_anywhere_until, until)
        else:
            self._accepts_until[directive.client] = max(self._accepts_until.get(directive.client, 0.0), until)

    def __len__(self) -> int:
        return self._size

    def find(self, pair: Correspondence, now_s: float) -> Directive | None:
        """The directive that says whether this pair's mail is accepted, held or refused, or None."""
        return self._find(pair, now_s, _ACCEPTANCE) if self._size > self._skipping else None

    def skipping_greylisting(self, pair: Correspondence, now_s: float) -> Directive | None:
        """The directive that spares this pair's mail the delay of greylisting, or None.

        A question by itself: a wish for speed takes nothing away from what is accepted or refused.
        """
        return self._find(pair, now_s, _GREYLISTING) if self._skipping else None

    def _find(self, pair: Correspondence, now_s: float, actions: frozenset[Action]) -> Directive | None:
        winner: Directive | None = None
        for key in _scopes(pair):
            senders = self._by_scope.get(key)
            if senders is None:
                continue
            holding = [each for each in _matching(senders, pair, now_s) if each.action in actions]
            if holding:
                winner = max(holding, key=_precedence)
                if any(directive.final for directive in holding):
                    break
        return winner

    def may_accept(self, client: Address, now_s: float) -> bool:
        """Whether any directive could still accept mail from this client, whoever the recipient.

        While one could, a refusal that a directive may lift has to wait for RCPT.
        """
        return self._accepts_anywhere_until > now_s or any(
            until > now_s and client in network for network, until in self._accepts_until.items()
        )


_STRICTNESS = {Action.ACCEPT: 0, Action.QUARANTINE: 1, Action.REFUSE: 2}
_ACCEPTANCE = frozenset(_STRICTNESS)
_GREYLISTING = frozenset({Action.SKIP_GREYLISTING})


def _precedence(directive: Directive) -> tuple[tuple[int, int, int], bool, int]:
    # Of two equals the final one, and then the stricter, is the safer reading.
    return specificity(directive), directive.final, _STRICTNESS.get(directive.action, 0)


def _scopes(pair: Correspondence) -> tuple[tuple[Scope, str], ...]:
    return (
        (Scope.SITE, ""),
        (Scope.GROUP, str(pair.group_id)),
        (Scope.DOMAIN, pair.recipient_domain),
        (Scope.USER, pair.user or pair.recipient),
    )


def _matching(senders: dict[str, list[Directive]], pair: Correspondence, now_s: float) -> Iterable[Directive]:
    for pattern in sender_patterns(pair.sender):
        for directive in senders.get(pattern, ()):
            if _speaks_for(directive, pair, now_s):
                yield directive


def sender_patterns(address: str) -> Iterable[str]:
    """Every pattern that covers an address: itself, its domain, each domain above, anyone."""
    if address:
        yield address
        labels = address.rpartition("@")[2].split(".")
        for start in range(len(labels)):
            yield "@" + ".".join(labels[start:])
    yield ""


def _speaks_for(directive: Directive, pair: Correspondence, now_s: float) -> bool:
    if directive.expires_at and directive.expires_at <= now_s:
        return False
    if directive.client is not None and pair.client not in directive.client:
        return False
    if not (_covers(directive.recipient, pair.recipient) or _covers(directive.recipient, pair.user)):
        return False
    return directive.action is not Action.ACCEPT or _proven(directive, pair)


def _proven(directive: Directive, pair: Correspondence) -> bool:
    """The authentication rule: a name counts only when the client's network or a signature proves it."""
    if not directive.sender or directive.client is not None:
        return True
    domain = "@" + pair.sender.rpartition("@")[2]
    return pair.sender in pair.authenticated or domain in pair.authenticated


def _covers(pattern: str, address: str) -> bool:
    if not pattern or pattern == address:
        return True
    domain = address.rpartition("@")[2]
    return pattern.startswith("@") and (pattern[1:] == domain or domain.endswith("." + pattern[1:]))
