"""Which digests are due, and that they were sent. Nothing is remembered but which held mail was told of.

A digest is due at the first time of its schedule after the oldest message that nobody has been told of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db.models import Count, Min, Q, QuerySet

from clement.store.access.digest import plan_for
from clement.store.digest_records import DigestPlanInForce, DueDigest, HeldItem
from clement.store.held_records import HeldState
from clement.store.models import DigestTurn, HeldMessage, HeldRecipient

_ONLY_ROW = 1
TURN_S = 300.0
MOST_ADDRESSES = 1000
"""Digests looked at in one round; the next round looks at the others."""

NextDue = Callable[[str, float], float]
"""When a schedule, as text, is next due after a time; never: infinity."""


class SqlDigests:
    """The digests of all addresses, seen from one node. Every method raises django.db.Error when SQL is away.

    kinds: of held mail that is told of. site: the plan where nobody has set another.
    """

    def __init__(self, node: str, kinds: Sequence[str], site: DigestPlanInForce, next_due_s: NextDue) -> None:
        self._node = node
        self._kinds = tuple(kinds)
        self._site = site
        self._next_due_s = next_due_s

    def take_turn(self, now_s: float) -> bool:
        """Whether this node is to send digests now: until TURN_S from now no other does."""
        DigestTurn.objects.get_or_create(pk=_ONLY_ROW, defaults={"node": "", "until_s": 0.0})
        free = Q(node=self._node) | Q(until_s__lte=now_s)
        return (
            DigestTurn.objects.filter(free, pk=_ONLY_ROW).update(node=self._node, until_s=now_s + TURN_S) == 1
        )

    def due(self, now_s: float, most_items: int) -> list[DueDigest]:
        """Digests whose time has come."""
        waiting = (
            self._untold()
            .values("address", "domain_key", "group_key")
            .annotate(number=Count("id"), oldest=Min("id"))
            .order_by("address")[:MOST_ADDRESSES]
        )
        found: list[DueDigest] = []
        for row in waiting:
            plan = plan_for(row["address"], row["domain_key"], row["group_key"], self._site)
            since_s = self._held_since_s(row["oldest"])
            due_at_s = self._next_due_s(plan.schedule, since_s)
            if due_at_s <= now_s:
                items = self._items(row["address"], most_items)
                found.append(DueDigest(row["address"], plan, due_at_s, row["number"], items))
        return found

    def of(self, address: str, plan: DigestPlanInForce, now_s: float, most_items: int) -> DueDigest:
        """The digest of one address as it would be now, due or not."""
        count = self._untold().filter(address=address).count()
        return DueDigest(address, plan, now_s, count, self._items(address, most_items))

    def told(self, address: str, newest_id: str, now_s: float) -> int:
        """All that is held for this address, up to this one, has been told of; how much that was."""
        return self._untold().filter(address=address, id__lte=newest_id).update(told_at_s=now_s)

    def _untold(self) -> QuerySet[HeldRecipient]:
        return HeldRecipient.objects.filter(told_at_s=0.0, state=HeldState.HELD, kind__in=self._kinds)

    def _held_since_s(self, recipient_id: str) -> float:
        entry = HeldRecipient.objects.filter(id=recipient_id).values_list("held_key", flat=True).first()
        at_s = HeldMessage.objects.filter(id=entry).values_list("at_s", flat=True).first()
        return at_s or 0.0

    def _items(self, address: str, most: int) -> tuple[HeldItem, ...]:
        rows = list(self._untold().filter(address=address).order_by("-id")[:most])
        messages = HeldMessage.objects.in_bulk({row.held_key for row in rows})
        return tuple(
            HeldItem(
                id=row.id,
                at_s=message.at_s,
                expires_at_s=message.expires_at_s,
                author=message.author or message.reverse_path,
                subject=message.subject,
                reason=row.reason,
                kind=row.kind,
            )
            for row in rows
            if (message := messages.get(row.held_key)) is not None
        )
