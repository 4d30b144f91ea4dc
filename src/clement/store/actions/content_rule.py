"""Adding, changing and removing rules about content."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from django.db.models import QuerySet, Sum
from msgspec import UNSET, UnsetType

from clement.policy.content_rule import (
    MAX_PROGRAM_OF_SCOPE,
    MAX_RULES_OF_SCOPE,
    MAX_WEIGHT,
    Field,
    PatternRefused,
    RuleAction,
    compile_pattern,
)
from clement.policy.directive import Scope
from clement.store import models
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions.change import (
    ActionForbidden,
    ActionRefused,
    Change,
    Tenant,
    bounded_note,
    check_version,
    directory_change,
    tenant_of,
)
from clement.store.records import ContentRuleRow

# RFC 5322 §2.2
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,76}")


class NewContentRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to be added.

    scope: site, group or domain. scope_name: "" for the site, else the group's or domain's name.
    header_name: for Field.HEADER alone.  weight: log-odds, for RuleAction.WEIGH alone.
    expires_at_s: Unix seconds, 0 for never.
    """

    scope: Scope
    scope_name: str = ""
    name: str
    field: Field
    header_name: str = ""
    pattern: str
    action: RuleAction
    weight: float = 0.0
    expires_at_s: int = 0
    note: str = ""


class ContentRuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is. Whose a rule is never changes."""

    name: str | UnsetType = UNSET
    pattern: str | UnsetType = UNSET
    action: RuleAction | UnsetType = UNSET
    weight: float | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    expires_at_s: int | UnsetType = UNSET
    note: str | UnsetType = UNSET


def add_content_rule(actor: Actor, wanted: NewContentRule) -> ContentRuleRow:
    """Add a rule to a scope one administers. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        rule = models.ContentRule(
            scope=wanted.scope,
            field=wanted.field,
            header_name=_header_name(wanted.field, wanted.header_name),
            expires_at_s=_expiry(wanted.expires_at_s),
            note=bounded_note(wanted.note),
            name=_name(wanted.name),
            action=wanted.action,
            weight=_weight(wanted.action, wanted.weight),
            created_by=actor.name[:320],
            created_at_s=int(change.at_s),
        )
        _set_scope(actor, rule, wanted)
        _set_pattern(rule, wanted.pattern)
        rule.save(force_insert=True)
        return _note_change(change, "rule.add", rule, None)


def change_content_rule(
    actor: Actor, rule_id: int, wanted: ContentRuleChange, *, version: int | None = None
) -> ContentRuleRow:
    """Change a rule of a scope one administers. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        rule = visible.one_content_rule(actor, rule_id)
        check_version(version, rule.version)
        old = rows.content_rule_row(rule)
        if wanted.name is not UNSET:
            rule.name = _name(wanted.name)
        if wanted.pattern is not UNSET:
            _set_pattern(rule, wanted.pattern)
        if wanted.enabled is not UNSET:
            rule.enabled = wanted.enabled
        if wanted.expires_at_s is not UNSET:
            rule.expires_at_s = _expiry(wanted.expires_at_s)
        if wanted.note is not UNSET:
            rule.note = bounded_note(wanted.note)
        _change_action(rule, wanted)
        rule.version += 1
        rule.save()
        return _note_change(change, "rule.change", rule, old)


def remove_content_rule(actor: Actor, rule_id: int) -> None:
    """Remove a rule of a scope one administers. Raises NotFound."""
    with directory_change(actor) as change:
        rule = visible.one_content_rule(actor, rule_id)
        change.note("rule.remove", _title(rule), _whose(rule), old=rows.content_rule_row(rule))
        rule.delete()


def _change_action(rule: models.ContentRule, wanted: ContentRuleChange) -> None:
    """The action and its weight; one that weighs no longer has none."""
    if wanted.action is UNSET and wanted.weight is UNSET:
        return
    action = RuleAction(rule.action) if wanted.action is UNSET else wanted.action
    kept = rule.weight if action is RuleAction.WEIGH else 0.0
    rule.weight = _weight(action, kept if wanted.weight is UNSET else wanted.weight)
    rule.action = action


def _set_scope(actor: Actor, rule: models.ContentRule, wanted: NewContentRule) -> None:
    match wanted.scope:
        case Scope.SITE:
            if not actor.root:
                raise ActionForbidden("scope", "only a root-admin may add a rule for the whole site")
        case Scope.GROUP:
            rule.group = visible.one_group(actor, wanted.scope_name)
        case Scope.DOMAIN:
            rule.domain = visible.one_domain(actor, wanted.scope_name)
        case Scope.USER:
            raise ActionRefused("scope", "a rule about content is the site's, a group's or a domain's")


def _set_pattern(rule: models.ContentRule, pattern: str) -> None:
    """Take a pattern, if RE2 does, and if the rules of its scope stay affordable together."""
    try:
        rule.program_size = int(compile_pattern(pattern).programsize)
    except PatternRefused as fault:
        raise ActionRefused("pattern", str(fault)) from None
    rule.pattern = pattern
    others = _of_same_scope(rule)
    if others.count() >= MAX_RULES_OF_SCOPE:
        raise ActionRefused("pattern", f"a scope has at most {MAX_RULES_OF_SCOPE} rules")
    used = others.aggregate(Sum("program_size"))["program_size__sum"] or 0
    if used + rule.program_size > MAX_PROGRAM_OF_SCOPE:
        said = f"this needs {rule.program_size} instructions, and the other rules of its scope have {used}"
        raise ActionRefused("pattern", f"{said} of {MAX_PROGRAM_OF_SCOPE}")


def _of_same_scope(rule: models.ContentRule) -> QuerySet[models.ContentRule]:
    same = models.ContentRule.objects.filter(scope=rule.scope, group=rule.group, domain=rule.domain)
    return same.exclude(id=rule.id) if rule.id else same


def _header_name(field: Field, text: str) -> str:
    name = text.strip().removesuffix(":").lower()
    if field is not Field.HEADER:
        if name:
            raise ActionRefused("header_name", "only a rule about a header field names one")
        return ""
    if _FIELD_NAME.fullmatch(name) is None:
        raise ActionRefused(
            "header_name", "expected the name of a header field, like X-Mailer (RFC 5322 §2.2)"
        )
    return name


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > 64 or not name.isprintable() or '"' in name:
        raise ActionRefused("name", "a rule has a name of 1 to 64 characters, for the log")
    return name


def _weight(action: RuleAction, weight: float) -> float:
    if action is not RuleAction.WEIGH:
        if weight:
            raise ActionRefused("weight", "only a rule that weighs has a weight")
        return 0.0
    if not weight or not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
        raise ActionRefused("weight", f"log-odds from -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}, and not 0")
    return weight


def _expiry(expires_at_s: int) -> int:
    if not 0 <= expires_at_s < 1 << 62:
        raise ActionRefused("expires_at_s", "Unix seconds, or 0 for never")
    return expires_at_s


def _note_change(
    change: Change, action: str, rule: models.ContentRule, old: ContentRuleRow | None
) -> ContentRuleRow:
    new = rows.content_rule_row(rule)
    change.note(action, _title(rule), _whose(rule), old=old, new=new)
    return new


def _title(rule: models.ContentRule) -> str:
    return f"rule {rule.id}"


def _whose(rule: models.ContentRule) -> Tenant:
    if rule.domain is not None:
        return tenant_of(rule.domain)
    return Tenant(group_id=rule.group_id or 0)
