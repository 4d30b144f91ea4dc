"""From a model to the record that is handed out; for `clement.store` only."""

from __future__ import annotations

from clement.policy.content_rule import Field, RuleAction
from clement.policy.directive import Action, Origin, Scope
from clement.policy.directory import (
    Fallback,
    Greylisting,
    GroupPolicy,
    Mode,
    NextHop,
    Storage,
    TlsUse,
    Wire,
)
from clement.policy.network import Standing
from clement.policy.overrides import said_in
from clement.store import models
from clement.store.records import (
    AliasRow,
    AuditRow,
    ContentRuleRow,
    DirectiveRow,
    DomainRow,
    GrantRow,
    GroupRow,
    MailboxRow,
    NetworkRow,
    PersonRow,
    Role,
)


def policy_of(group: models.Group) -> GroupPolicy:
    """A group's policy, gathered from its columns."""
    return GroupPolicy(
        size_limit_bytes=group.size_limit_bytes,
        scan_content=group.scan_content,
        scanner_unavailable=Fallback(group.scanner_unavailable),
        unscannable=Fallback(group.unscannable),
        verify_recipients=group.verify_recipients,
        unresolvable_sender=Fallback(group.unresolvable_sender),
        implausible_hello=Fallback(group.implausible_hello),
        bare_line_endings=Fallback(group.bare_line_endings),
        spf_fail=Fallback(group.spf_fail),
        spf_permerror=Fallback(group.spf_permerror),
        dmarc_reject=Fallback(group.dmarc_reject),
        dmarc_quarantine=Fallback(group.dmarc_quarantine),
        unverified_reverse_name=Fallback(group.unverified_reverse_name),
        dns_listed=Fallback(group.dns_listed),
        greylisting=Greylisting(group.greylisting),
        greylisting_delay_s=group.greylisting_delay_s,
        greylisting_window_s=group.greylisting_window_s,
        read_content=group.read_content,
        impersonation=Fallback(group.impersonation),
        link_listed=Fallback(group.link_listed),
        tag_at=group.tag_at,
        quarantine_at=group.quarantine_at,
        refuse_at=group.refuse_at,
        keep_refused_days=group.keep_refused_days,
        executable_attachment=Fallback(group.executable_attachment),
        script_attachment=Fallback(group.script_attachment),
        macro_document=Fallback(group.macro_document),
        disk_image=Fallback(group.disk_image),
        active_page=Fallback(group.active_page),
        encrypted_archive=Fallback(group.encrypted_archive),
        unreadable_archive=Fallback(group.unreadable_archive),
        disguised_attachment=Fallback(group.disguised_attachment),
        unreadable_content=Fallback(group.unreadable_content),
        refused_attachment_names=group.refused_attachment_names,
        subject_prefix=group.subject_prefix,
    )


def next_hop_of(hop: models.NextHop) -> NextHop:
    """A next hop as the directory knows it."""
    return NextHop(
        host=hop.host, port=hop.port, priority=hop.priority, wire=Wire(hop.wire), tls=TlsUse(hop.tls)
    )


def group_row(group: models.Group) -> GroupRow:
    """A group with its next hops, best first."""
    return GroupRow(
        id=group.id,
        name=group.name,
        mode=Mode(group.mode),
        storage=Storage(group.storage),
        next_hops=tuple(map(next_hop_of, group.next_hops.all())),
        policy=policy_of(group),
        domain_count=getattr(group, "domain_count", 0),
        version=group.version,
    )


def domain_row(domain: models.Domain) -> DomainRow:
    """A domain with the name and mode of its group."""
    return DomainRow(
        id=domain.id,
        name=domain.name,
        group_name=domain.group.name,
        mode=Mode(domain.group.mode),
        enabled=domain.enabled,
        catch_all=domain.catch_all,
        subaddress_separator=domain.subaddress_separator,
        mailbox_count=getattr(domain, "mailbox_count", 0),
        version=domain.version,
        policy=dict(said_in(GroupPolicy, domain.policy)),
    )


def hands_on(domain: models.Domain) -> bool:
    """Whether the mail of this domain goes to a next hop instead of mailboxes here."""
    return domain.group.mode == Mode.RELAY or domain.group.storage == Storage.LMTP


def mailbox_row(mailbox: models.Mailbox) -> MailboxRow:
    """A mailbox with its owner's login."""
    return MailboxRow(
        id=mailbox.id,
        address=mailbox.address,
        domain_name=mailbox.domain.name,
        maildir="" if hands_on(mailbox.domain) else mailbox.maildir,
        quota_bytes=mailbox.quota_bytes,
        enabled=mailbox.enabled,
        owner_login=mailbox.owner.login if mailbox.owner is not None else "",
        version=mailbox.version,
        tag_at=mailbox.tag_at,
        quarantine_at=mailbox.quarantine_at,
        refuse_at=mailbox.refuse_at,
    )


def alias_row(alias: models.Alias) -> AliasRow:
    """An alias with its targets in their order."""
    return AliasRow(
        id=alias.id,
        address=alias.address,
        domain_name=alias.domain.name,
        targets=tuple(target.address for target in alias.targets.all()),
        version=alias.version,
    )


def grant_row(grant: models.RoleGrant) -> GrantRow:
    """A role with the name of what it is for."""
    subject = grant.group or grant.domain
    return GrantRow(role=Role(grant.role), object_name=subject.name if subject is not None else "")


def person_row(person: models.Person) -> PersonRow:
    """A person with roles, mailboxes and further addresses; never the password's hash."""
    return PersonRow(
        id=person.id,
        login=person.login,
        enabled=person.enabled,
        grants=tuple(map(grant_row, person.grants.all())),
        mailboxes=tuple(sorted(mailbox.address for mailbox in person.mailboxes.all())),
        send_as=tuple(sorted(grant.pattern for grant in person.send_as.all())),
        has_password=bool(person.password_hash),
        version=person.version,
    )


def directive_row(directive: models.Directive) -> DirectiveRow:
    """A directive with the name of its scope."""
    scope = Scope(directive.scope)
    return DirectiveRow(
        id=directive.id,
        scope=scope,
        scope_name=_scope_name(directive, scope),
        action=Action(directive.action),
        sender_pattern=directive.sender_pattern,
        recipient_pattern=directive.recipient_pattern,
        client_network=directive.client_network,
        origin=Origin(directive.origin),
        final=directive.final,
        expires_at_s=directive.expires_at_s,
        note=directive.note,
        hit_count=directive.hit_count,
        last_hit_at_s=directive.last_hit_at_s,
        created_by=directive.created_by,
        created_at_s=directive.created_at_s,
        version=directive.version,
    )


def _scope_name(directive: models.Directive, scope: Scope) -> str:
    if scope is Scope.USER:
        return directive.address
    subject = directive.group if scope is Scope.GROUP else directive.domain
    return subject.name if subject is not None else ""


def content_rule_row(rule: models.ContentRule) -> ContentRuleRow:
    """A content rule with the name of its scope."""
    subject = rule.group or rule.domain
    return ContentRuleRow(
        id=rule.id,
        scope=Scope(rule.scope),
        scope_name=subject.name if subject is not None else "",
        name=rule.name,
        field=Field(rule.field),
        header_name=rule.header_name,
        pattern=rule.pattern,
        action=RuleAction(rule.action),
        weight=rule.weight,
        enabled=rule.enabled,
        expires_at_s=rule.expires_at_s,
        note=rule.note,
        created_by=rule.created_by,
        created_at_s=rule.created_at_s,
        version=rule.version,
    )


def network_row(network: models.ClientNetwork) -> NetworkRow:
    """A client network."""
    return NetworkRow(
        id=network.id,
        network=network.network,
        standing=Standing(network.standing),
        note=network.note,
        final=network.final,
        expires_at_s=network.expires_at_s,
        version=network.version,
    )


def audit_row(entry: models.AuditEntry) -> AuditRow:
    """A change."""
    return AuditRow(
        id=entry.id,
        at_s=entry.at_s,
        actor=entry.actor,
        origin_address=entry.origin_address,
        action=entry.action,
        object_name=entry.object_name,
        old=entry.old,
        new=entry.new,
    )
