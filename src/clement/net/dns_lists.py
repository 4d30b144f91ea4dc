"""DNS lists as the port of `clement.policy.dns_list`: which can be believed, asking them, and their silence.

Every receiver has its own: they share nothing. Answers are kept by the resolver, with their TTL; here is
only which lists are asked at all. RFC 5782.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import perf_counter_ns
from typing import Final, NamedTuple, Protocol

import msgspec

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.net.dns_list_health import (
    SHORTEST_BETWEEN_LOOKS_S,
    SILENT_RETRY_S,
    Condition,
    Examined,
    Form,
    Trust,
    examine,
    refusing,
)
from clement.net.resolver import DnsResolver
from clement.policy.dns_list import (
    MAX_NAME_OCTETS,
    Asked,
    DnsList,
    LinkSubject,
    ListAnswer,
    Subjects,
    read_answer,
)

REASON_TIMEOUT_S: Final = 2.0
SHORTEST_PAUSE_S: Final = 0.05


class ListReporter(Protocol):
    """Told what becomes of lists; for the log, the metrics and alerts."""

    def changed(self, zone: str, examined: Examined) -> None:
        """A list is trusted now, or no longer."""

    def odd(self, zone: str, answer: str) -> None:
        """A list gave an address outside 127.0.0.0/8; told for each list once."""

    def listed(self, zone: str) -> None:
        """A list has listed something."""

    def failed(self, zone: str) -> None:
        """A list gave no answer."""


class ListTimes(msgspec.Struct, frozen=True):
    """test_every_s: between looks at a trusted list. retry_s: after it failed, doubled each time up to that.

    budget_s: time that a recipient may wait for all lists together, their reason included.
    clock: monotonic. jitter: a number from 0 to 1, by which receivers do not all look at the same moment.
    """

    test_every_s: float = 3600.0
    retry_s: float = 300.0
    budget_s: float = 10.0
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random


class _Question(NamedTuple):
    desk: _Desk
    asked: Asked
    name: str
    subject: str


class _Desk:
    """One list and how it stands."""

    __slots__ = ("condition", "dns_list", "is_odd", "zone")

    def __init__(self, dns_list: DnsList) -> None:
        self.dns_list = dns_list
        self.zone = dns_list.zone
        self.condition = Condition()
        self.is_odd = False

    def serves(self, asked: Asked, form: Form) -> bool:
        examined = self.condition.examined
        trusted = examined.trust is Trust.TRUSTED and form in examined.forms
        return trusted and asked in self.dns_list.asks


class AskedLists:
    """Implements DnsLists. Nothing is asked of a list before `test` or `watch` has found it good.

    new_resolver: makes one without memory, for looks at test entries.
    """

    def __init__(
        self,
        lists: Sequence[DnsList],
        threshold: float,
        resolver: DnsResolver,
        new_resolver: Callable[[], DnsResolver],
        reporter: ListReporter,
        times: ListTimes,
    ) -> None:
        self.threshold = threshold
        self.in_use = False
        self.reads_content = False
        self._desks = [_Desk(each) for each in lists]
        self._resolver = resolver
        self._new_resolver = new_resolver
        self._reporter = reporter
        self._times = times
        self._clock = times.clock
        self._woken = asyncio.Event()
        self._client_4: tuple[_Desk, ...] = ()
        self._client_6: tuple[_Desk, ...] = ()
        self._hello: tuple[_Desk, ...] = ()
        self._sender: tuple[_Desk, ...] = ()
        self._link: tuple[_Desk, ...] = ()
        self._author: tuple[_Desk, ...] = ()

    # --- the port -----------------------------------------------------------------------------------------

    def begin(self, subjects: Subjects) -> None:
        resolver = self._resolver
        for question in self._questions(subjects):
            if resolver.known_a(question.name) is None:
                resolver.begin_a(question.name, self._noting(question.desk))

    def known(self, subjects: Subjects) -> tuple[ListAnswer, ...] | None:
        known_a = self._resolver.known_a
        answers: list[ListAnswer] = []
        for question in self._questions(subjects):
            found = known_a(question.name)
            if found is None:
                return None
            if found.records:
                answers += self._heard(question, found, 0)
        return tuple(answers)

    async def ask(self, subjects: Subjects) -> tuple[ListAnswer, ...]:
        # All at once: the list that is slowest says how long it takes.
        several = await asyncio.gather(*[self._ask(question) for question in self._questions(subjects)])
        return tuple(answer for answers in several for answer in answers)

    async def reason(self, answer: ListAnswer) -> str:
        with suppress(DnsTemporaryFailure, TimeoutError):
            async with asyncio.timeout(REASON_TIMEOUT_S):
                return " ".join((await self._resolver.txt(answer.name)).records)
        return ""

    # --- asking -------------------------------------------------------------------------------------------

    def _questions(self, subjects: Subjects) -> list[_Question]:
        """What there is to ask; names too long for the DNS are not listed anywhere."""
        client, hello, sender = subjects.client, subjects.hello, subjects.sender
        found: list[_Question] = []
        if client:
            desks, text = self._client_6 if subjects.is_ipv6 else self._client_4, subjects.client_text
            found = [_Question(desk, Asked.CLIENT, f"{client}.{desk.zone}", text) for desk in desks]
        if hello and self._hello:
            found += self._about_name(self._hello, Asked.HELLO, hello)
        if sender and self._sender:
            found += self._about_name(self._sender, Asked.SENDER, sender)
        if subjects.links and self._link:
            found += self._about_hosts(self._link, Asked.LINK, subjects.links)
        if subjects.authors and self._author:
            found += self._about_hosts(self._author, Asked.AUTHOR, subjects.authors)
        return found

    def _about_hosts(
        self, desks: tuple[_Desk, ...], asked: Asked, subjects: tuple[LinkSubject, ...]
    ) -> Iterator[_Question]:
        """Each name once, however many hosts it stands for."""
        for desk in desks:
            texts = {subject.name_for(desk.dns_list): subject for subject in reversed(subjects)}
            for text, subject in texts.items():
                name = f"{text}.{desk.zone}"
                if text and len(name) <= MAX_NAME_OCTETS:
                    yield _Question(desk, asked, name, subject.host if subject.reversed_address else text)

    def _about_name(self, desks: tuple[_Desk, ...], asked: Asked, text: str) -> Iterator[_Question]:
        for desk in desks:
            name = f"{text}.{desk.zone}"
            if len(name) <= MAX_NAME_OCTETS:
                yield _Question(desk, asked, name, text)

    async def _ask(self, question: _Question) -> Sequence[ListAnswer]:
        known = self._resolver.known_a(question.name)
        if known is not None:
            return self._heard(question, known, 0)
        desk, started_ns = question.desk, perf_counter_ns()
        timeout_s = min(desk.dns_list.timeout_s, self._times.budget_s - REASON_TIMEOUT_S)
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._resolver.a(question.name)
        except (DnsTemporaryFailure, TimeoutError):
            return self._unheard(question, (perf_counter_ns() - started_ns) // 1000)
        self._note_answer(desk, question.name, found)
        return self._heard(question, found, (perf_counter_ns() - started_ns) // 1000)

    def _heard(self, question: _Question, found: DnsAnswer, duration_us: int) -> Sequence[ListAnswer]:
        if not found.records:
            return ()
        desk, asked, name, subject = question
        reading = read_answer(desk.dns_list, found.records)
        if reading.odd and not desk.is_odd:
            desk.is_odd = True
            self._reporter.odd(desk.zone, reading.odd)
        if reading.refusal:
            if desk.condition.examined.trust is Trust.TRUSTED:
                self._settle(desk, refusing(reading.refusal))
            refused = f"answers {reading.refusal}, which means that we may not ask"
            return (ListAnswer(desk.dns_list, asked, subject, name, failed=refused, duration_us=duration_us),)
        if not reading.codes:
            return ()
        self._reporter.listed(desk.zone)
        return (ListAnswer(desk.dns_list, asked, subject, name, reading, duration_us=duration_us),)

    def _unheard(self, question: _Question, duration_us: int) -> Sequence[ListAnswer]:
        """Never a reason to refuse; and a list that goes on so is not waited for any longer."""
        desk, asked, name, subject = question
        self._reporter.failed(desk.zone)
        self._note_failure(desk, name)
        return (ListAnswer(desk.dns_list, asked, subject, name, failed="no answer", duration_us=duration_us),)

    # --- how they are -------------------------------------------------------------------------------------

    def _noting(self, desk: _Desk) -> Callable[[str, DnsAnswer | None], None]:
        """Takes what comes of a question that was begun; what comes late was not there for a session."""
        began_s = self._clock()

        def note(name: str, found: DnsAnswer | None) -> None:
            if found is None or self._clock() - began_s > desk.dns_list.timeout_s:
                self._note_failure(desk, name)
            else:
                self._note_answer(desk, name, found)

        return note

    def _note_failure(self, desk: _Desk, name: str) -> None:
        condition = desk.condition
        if condition.is_silent_after(name) and condition.examined.trust is Trust.TRUSTED:
            self._settle(desk, Examined(Trust.SILENT, "it does not answer"))

    def _note_answer(self, desk: _Desk, name: str, found: DnsAnswer) -> None:
        condition = desk.condition
        if condition.is_odd_after(name, is_listed=bool(found.records)):
            condition.listed.clear()
            condition.due_s = min(condition.due_s, condition.looked_s + SHORTEST_BETWEEN_LOOKS_S)
            self._woken.set()

    # --- looking at the lists -----------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look at every list now and whenever its time has come; to be cancelled."""
        while True:
            await self.test()
            self._woken.clear()
            pause_s = min((desk.condition.due_s for desk in self._desks), default=0.0) - self._clock()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(pause_s, SHORTEST_PAUSE_S)):
                    await self._woken.wait()

    async def test(self) -> None:
        """Look at those lists whose time has come, all at once."""
        now_s = self._clock()
        due = [desk for desk in self._desks if desk.condition.due_s <= now_s]
        if not due:
            return
        resolver = self._new_resolver()
        try:
            examined = await asyncio.gather(*[examine(desk.dns_list, resolver.a) for desk in due])
        finally:
            await resolver.close()
        for desk, result in zip(due, examined, strict=True):
            desk.condition.looked_s = now_s
            self._settle(desk, result)

    def _settle(self, desk: _Desk, examined: Examined) -> None:
        """How a list stands from now on, and when it is looked at again."""
        condition, times = desk.condition, self._times
        before, condition.examined = condition.examined, examined
        if examined.trust is Trust.TRUSTED:
            if condition.retry_s:
                # What it said while it could not be believed may be remembered.
                self._resolver.forget_below(desk.zone)
            condition.failed.clear()
            wait_s, condition.retry_s = times.test_every_s, 0.0
        else:
            first_s = min(times.retry_s, SILENT_RETRY_S) if examined.trust is Trust.SILENT else times.retry_s
            wait_s = condition.retry_s = min(max(first_s, condition.retry_s * 2), times.test_every_s)
        condition.due_s = self._clock() + wait_s * (0.75 + times.jitter() / 2)
        self._woken.set()
        if before.trust is not examined.trust or before.forms != examined.forms:
            self._sort()
            self._reporter.changed(desk.zone, examined)

    def _sort(self) -> None:
        """Which lists are asked what; kept, because it is read for every recipient."""
        self._client_4 = self._serving(Asked.CLIENT, Form.IPV4)
        self._client_6 = self._serving(Asked.CLIENT, Form.IPV6)
        self._hello = self._serving(Asked.HELLO, Form.NAME)
        self._sender = self._serving(Asked.SENDER, Form.NAME)
        self._link = self._serving(Asked.LINK, Form.NAME)
        self._author = self._serving(Asked.AUTHOR, Form.NAME)
        self.in_use = any((self._client_4, self._client_6, self._hello, self._sender))
        self.reads_content = bool(self._link or self._author)

    def _serving(self, asked: Asked, form: Form) -> tuple[_Desk, ...]:
        return tuple(desk for desk in self._desks if desk.serves(asked, form))
