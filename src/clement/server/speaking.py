"""Which directive speaks for a recipient, given the names that are proven by then."""

from __future__ import annotations

from clement.policy.directive import Action, Correspondence, Directive, Scope
from clement.policy.directory import Foreign, Local, Relayed
from clement.policy.facts import RecipientFacts
from clement.smtp import Mailbox

POSTMASTER_LOCAL_PART = "postmaster"
_POSTMASTER_AT = f"{POSTMASTER_LOCAL_PART}@"
_POSTMASTER_IS_REACHABLE = Directive(0, Scope.SITE, "", Action.ACCEPT, note="RFC 5321 §4.5.1")


def directive_for(facts: RecipientFacts, proven: frozenset[str]) -> Directive | None:
    """The directive for this pair; mail for a postmaster always gets through (RFC 5321 §4.5.1)."""
    if facts.address.startswith(_POSTMASTER_AT):
        return _POSTMASTER_IS_REACHABLE
    directives = facts.transaction.session.directory.directives
    if not len(directives):
        return None
    pair = _pair(facts, proven)
    return None if pair is None else directives.find(pair, facts.transaction.session.now_s)


def directive_that_skips_greylisting(facts: RecipientFacts) -> Directive | None:
    """The directive that spares mail of this pair the delay; it needs no proof of the sender's name."""
    session = facts.transaction.session
    pair = _pair(facts, frozenset())
    return None if pair is None else session.directory.directives.skipping_greylisting(pair, session.now_s)


def _pair(facts: RecipientFacts, proven: frozenset[str]) -> Correspondence | None:
    """None: mail for elsewhere is nobody's whose directive could speak."""
    route, transaction = facts.route, facts.transaction
    if isinstance(route, Foreign):
        return None
    reverse_path = transaction.reverse_path
    return Correspondence(
        client=transaction.session.client,
        sender=reverse_path.key if isinstance(reverse_path, Mailbox) else "",
        recipient=facts.address,
        user=route.user if isinstance(route, Local | Relayed) else "",
        recipient_domain=route.domain.name,
        group_id=route.group.id,
        authenticated=proven,
    )


def hoped_for(facts: RecipientFacts, proven: frozenset[str]) -> Directive | None:
    """The directive that would speak if SPF or DKIM proved the sender's name: only the content will tell."""
    reverse_path = facts.transaction.reverse_path
    if facts.transaction.identity is None or not isinstance(reverse_path, Mailbox):
        return directive_for(facts, proven)
    return directive_for(facts, proven | {reverse_path.key})
