"""What the rules would find in a message, without sending it: for `clement rule test`."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

import msgspec

from clement.cli.exit_codes import ExitCode, Failure
from clement.message.grammar import examine
from clement.message.headers import split_content
from clement.policy.content_rule import ContentRule, Field, PatternRefused, RuleAction, compile_pattern
from clement.policy.directive import Scope
from clement.policy.directory import Directory
from clement.policy.facts import ContentFacts, SessionFacts, TransactionFacts
from clement.policy.rule_texts import RuleTexts
from clement.server.study import study
from clement.smtp import NULL_REVERSE_PATH, ContentDefects, Service
from clement.store.records import ContentRuleRow

AROUND_CHARS = 30


class Trial(msgspec.Struct, frozen=True):
    """What one rule found. found: what matched, with a little around it; "" when nothing did."""

    id: int
    name: str
    scope: str
    scope_name: str
    where: str
    action: str
    enabled: bool
    matches: bool
    found: str = ""


def try_rules(octets: bytes, rows: Iterable[ContentRuleRow]) -> list[Trial]:
    """Every rule on its own, those that are off or over too; an unusable pattern finds nothing."""
    texts = texts_of(octets)
    return [_trial(texts, row) for row in rows]


def try_pattern(octets: bytes, field: Field, header_name: str, pattern: str) -> Trial:
    """A pattern that is no rule yet. Raises Failure when it cannot be one."""
    try:
        compile_pattern(pattern)
    except PatternRefused as fault:
        raise Failure(ExitCode.USAGE, f"--pattern: {fault}") from None
    rule = ContentRule(0, Scope.SITE, "", "", field, pattern, RuleAction.WEIGH, header_name)
    found = _find(texts_of(octets), rule.field, header_name, pattern)
    where = f"{header_name}:" if header_name else field.value
    return Trial(0, "", "", "", where, "", enabled=False, matches=found is not None, found=found or "")


def texts_of(octets: bytes) -> RuleTexts:
    """The texts that rules look at, in a message with the line ends of SMTP."""
    block, _body = split_content(octets)
    nobody = SessionFacts(IPv4Address(0), "", Service.SMTP, Directory(), 0.0)
    transaction = TransactionFacts(nobody, NULL_REVERSE_PATH)
    content = ContentFacts(transaction, len(octets), ContentDefects.NONE, examine(block))
    content.study = study(octets, b"")
    content.header_block = block
    return RuleTexts(content)


def _trial(texts: RuleTexts, row: ContentRuleRow) -> Trial:
    found = _find(texts, row.field, row.header_name, row.pattern)
    return Trial(
        id=row.id,
        name=row.name,
        scope=row.scope.name.lower(),
        scope_name=row.scope_name,
        where=f"{row.header_name}:" if row.header_name else row.field.value,
        action=row.action.value,
        enabled=row.enabled,
        matches=found is not None,
        found=found or "",
    )


def _find(texts: RuleTexts, field: Field, header_name: str, pattern: str) -> str | None:
    try:
        compiled = compile_pattern(pattern)
    except PatternRefused:
        return None
    text = texts((field, header_name))
    match = compiled.search(text)
    if match is None:
        return None
    start, end = match.span()
    before, after = max(0, start - AROUND_CHARS), min(len(text), end + AROUND_CHARS)
    return text[before : min(after, start + 4 * AROUND_CHARS)]
