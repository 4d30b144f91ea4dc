"""Adding, changing and removing groups."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from clement.policy.directory import Fallback, GroupPolicy, Mode, NextHop, Storage, Wire
from clement.policy.overrides import overridden
from clement.store import models, names
from clement.store.access import rows, visible
from clement.store.access.actor import Actor
from clement.store.actions.change import (
    ActionRefused,
    Change,
    Tenant,
    check_version,
    checked,
    directory_change,
    require_root,
)
from clement.store.records import GroupRow

MAX_NEXT_HOPS = 20
LONGEST_PATTERNS = 500
LONGEST_DELAY_S = 4 * 3600
LONGEST_WINDOW_S = 14 * 24 * 3600
LONGEST_KEPT_DAYS = 365
HIGHEST_SCORE = 100
LONGEST_PREFIX = 40
THRESHOLDS = ("tag_at", "quarantine_at", "refuse_at")
SMALLEST_SIZE_LIMIT_BYTES = 64 * 1024  # RFC 5321 §4.5.3.1.7: a server must take content of 64K octets
LARGEST_SIZE_LIMIT_BYTES = 2**63 - 1  # what a database holds


class GroupChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; a field left UNSET stays as it is."""

    name: str | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    storage: Storage | UnsetType = UNSET
    next_hops: tuple[NextHop, ...] | UnsetType = UNSET
    policy: GroupPolicy | UnsetType = UNSET


def add_group(
    actor: Actor,
    name: str,
    *,
    mode: Mode = Mode.STORE,
    storage: Storage = Storage.MAILDIR,
    next_hops: Sequence[NextHop] = (),
    policy: GroupPolicy = GroupPolicy(),  # noqa: B008  (frozen)
) -> GroupRow:
    """Add a group (root only). Raises ActionRefused."""
    require_root(actor, "add a group")
    with directory_change(actor) as change:
        group = models.Group(name=_free_name(name), mode=mode, storage=storage)
        _apply_policy(group, policy)
        _check_placing(mode, storage, next_hops)
        group.save(force_insert=True)
        _replace_next_hops(group, next_hops)
        return _noted(change, "group.add", group, None)


def change_group(actor: Actor, name: str, wanted: GroupChange, *, version: int | None = None) -> GroupRow:
    """Change a group one administers; only root may rename it. Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        group = visible.one_group(actor, name)
        check_version(version, group.version)
        old = rows.group_row(group)
        if wanted.name is not UNSET and wanted.name != group.name:
            require_root(actor, "rename a group")
            group.name = _free_name(wanted.name)
        mode = old.mode if wanted.mode is UNSET else wanted.mode
        storage = old.storage if wanted.storage is UNSET else wanted.storage
        next_hops = old.next_hops if wanted.next_hops is UNSET else wanted.next_hops
        _check_placing(mode, storage, next_hops)
        _check_mailboxes_stay_reachable(group, mode, storage)
        group.mode, group.storage = mode, storage
        if wanted.policy is not UNSET:
            _apply_policy(group, wanted.policy)
            _check_domains_still_fit(group, wanted.policy)
        group.version += 1
        group.save()
        _replace_next_hops(group, next_hops)
        return _noted(change, "group.change", group, old)


def remove_group(actor: Actor, name: str) -> None:
    """Remove a group without domains (root only). Raises NotFound, ActionRefused."""
    with directory_change(actor) as change:
        group = visible.one_group(actor, name)
        require_root(actor, "remove a group")
        held = list(group.domains.order_by("name").values_list("name", flat=True)[:4])
        if held:
            shown = ", ".join(held[:3]) + ("…" if len(held) > 3 else "")
            raise ActionRefused("name", f"the group still has domains ({shown}); remove them first")
        change.note("group.remove", group.name, Tenant(group.id), old=rows.group_row(group))
        group.delete()


def _noted(change: Change, action: str, group: models.Group, old: GroupRow | None) -> GroupRow:
    new = rows.group_row(visible.one_group(change.actor, group.name))
    change.note(action, group.name, Tenant(group.id), old=old, new=new)
    return new


def _free_name(text: str) -> str:
    name = checked("name", names.group_name, text)
    if models.Group.objects.filter(name=name).exists():
        raise ActionRefused("name", f"there is a group {name} already")
    return name


def _apply_policy(group: models.Group, policy: GroupPolicy) -> None:
    check_policy(policy)
    for field in policy.__struct_fields__:
        setattr(group, field, getattr(policy, field))


def _check_domains_still_fit(group: models.Group, policy: GroupPolicy) -> None:
    """What a domain says otherwise must still make sense with the rest."""
    for name, said in group.domains.exclude(policy="").values_list("name", "policy"):
        try:
            check_policy(overridden(policy, said))
        except ActionRefused as fault:
            raise ActionRefused(fault.field, f"with what {name} says otherwise: {fault.reason}") from fault


def check_policy(policy: GroupPolicy) -> None:
    """Whether these settings make sense together. Raises ActionRefused naming the one that does not."""
    if policy.size_limit_bytes < SMALLEST_SIZE_LIMIT_BYTES:
        raise ActionRefused("size_limit_bytes", f"at least {SMALLEST_SIZE_LIMIT_BYTES} (RFC 5321 §4.5.3.1.7)")
    if policy.size_limit_bytes > LARGEST_SIZE_LIMIT_BYTES:
        raise ActionRefused("size_limit_bytes", f"at most {LARGEST_SIZE_LIMIT_BYTES}")
    if policy.scanner_unavailable is Fallback.REFUSE:
        text = "a scanner that is away is our own fault, never answered 5yz: defer, accept or quarantine"
        raise ActionRefused("scanner_unavailable", text)
    _check_greylisting(policy)
    _check_names(policy.refused_attachment_names)
    _check_subject_prefix(policy.subject_prefix)
    for field in THRESHOLDS:
        threshold(field, getattr(policy, field))
    if not 0 <= policy.keep_refused_days <= LONGEST_KEPT_DAYS:
        raise ActionRefused("keep_refused_days", f"from 0, for none, to {LONGEST_KEPT_DAYS} days")


def threshold(field: str, value: float | None) -> float | None:
    """A score from which on something follows. Raises ActionRefused."""
    if value is not None and not 0 <= value <= HIGHEST_SCORE:
        raise ActionRefused(field, f"from 0, for never, to {HIGHEST_SCORE}")
    return value


def _check_names(patterns: str) -> None:
    if "," in patterns:
        text = "patterns have blanks between them, not commas; a comma in a name is matched by ?"
        raise ActionRefused("refused_attachment_names", text)
    if len(patterns) > LONGEST_PATTERNS or not patterns.isprintable():
        text = f"patterns such as *.pst with blanks between them, at most {LONGEST_PATTERNS} characters"
        raise ActionRefused("refused_attachment_names", text)


def _check_subject_prefix(prefix: str) -> None:
    if len(prefix) > LONGEST_PREFIX or not (prefix.isascii() and prefix.isprintable()):
        raise ActionRefused("subject_prefix", f"at most {LONGEST_PREFIX} printable ASCII characters")


def _check_greylisting(policy: GroupPolicy) -> None:
    if not 10 <= policy.greylisting_delay_s <= LONGEST_DELAY_S:
        raise ActionRefused("greylisting_delay_s", f"from 10 to {LONGEST_DELAY_S} seconds")
    # RFC 5321 §4.5.4.1: a client waits 30 minutes or more between two attempts.
    least_s = policy.greylisting_delay_s + 3600
    if not least_s <= policy.greylisting_window_s <= LONGEST_WINDOW_S:
        raise ActionRefused("greylisting_window_s", f"from {least_s} to {LONGEST_WINDOW_S} seconds")


def _check_placing(mode: Mode, storage: Storage, next_hops: Sequence[NextHop]) -> None:
    """A group must be able to place what it accepts."""
    handed_on = mode is Mode.RELAY or storage is Storage.LMTP
    if handed_on and not next_hops:
        raise ActionRefused("next_hops", "a group that hands its mail on needs a next hop")
    if len(next_hops) > MAX_NEXT_HOPS:
        raise ActionRefused("next_hops", f"at most {MAX_NEXT_HOPS} next hops")
    if len({(hop.host.lower(), hop.port) for hop in next_hops}) < len(next_hops):
        raise ActionRefused("next_hops", "the same next hop is named twice")
    for hop in next_hops:
        _check_next_hop(hop, mode)


def _check_next_hop(hop: NextHop, mode: Mode) -> None:
    if not hop.host or len(hop.host) > 255 or not hop.host.isprintable() or " " in hop.host:
        raise ActionRefused("next_hops", f"{hop.host!r} is no host name, address or socket path")
    if hop.host.startswith("/"):
        if hop.wire is not Wire.LMTP:
            raise ActionRefused("next_hops", "a Unix socket is for LMTP only")
        return
    if not 1 <= hop.port <= 65535:
        raise ActionRefused("next_hops", f"{hop.port} is no port")
    if mode is Mode.STORE and hop.wire is not Wire.LMTP:
        raise ActionRefused("next_hops", "a group that stores by LMTP needs next hops that speak LMTP")
    # RFC 2033 §5: LMTP must not be used on port 25
    if hop.wire is Wire.LMTP and hop.port == 25:
        raise ActionRefused("next_hops", "LMTP is not spoken on port 25 (RFC 2033 §5); 24 is usual")


def _check_mailboxes_stay_reachable(group: models.Group, mode: Mode, storage: Storage) -> None:
    """What is stored here and what is behind a next hop are not one mailbox."""
    stored_here = group.mode == Mode.STORE and group.storage == Storage.MAILDIR
    stores_here = mode is Mode.STORE and storage is Storage.MAILDIR
    if stores_here == stored_here or not models.Mailbox.objects.filter(domain__group=group).exists():
        return
    if stored_here:
        text = "the group has mailboxes stored here; remove them before its mail goes elsewhere"
    else:
        text = "the group has mailboxes behind its next hop; remove them before its mail is stored here"
    raise ActionRefused("mode", text)


def _replace_next_hops(group: models.Group, next_hops: Sequence[NextHop]) -> None:
    models.NextHop.objects.filter(group=group).delete()
    models.NextHop.objects.bulk_create(
        models.NextHop(
            group=group,
            position=position,
            host=hop.host,
            port=hop.port,
            priority=hop.priority,
            wire=hop.wire,
            tls=hop.tls,
        )
        for position, hop in enumerate(next_hops)
    )
