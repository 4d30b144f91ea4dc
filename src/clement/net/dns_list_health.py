"""Whether a DNS list can be believed: its test entries, and what is made of its silence and its refusals.

A list that answers a stranger's resolver with "you may not ask", lists the whole world since it was given up,
or has lost its zone would refuse all mail or none. So it is tried before it is asked for the first time and
from time to time afterwards, and left out while it cannot be believed. RFC 5782 §5 (test entries).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, NamedTuple

import msgspec

from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from clement.policy.dns_list import Asked, DnsList, read_answer, reversed_address, shown_codes

FAILURES_BEFORE_SILENT: Final = 5
"""Questions in a row without an answer; from then on no session waits for the list."""

LISTED_BEFORE_TEST: Final = 20
"""Different questions in a row with a listing, after which the list is looked at before its time."""

SILENT_RETRY_S: Final = 30.0

SHORTEST_BETWEEN_LOOKS_S: Final = 60.0
"""Looks before their time are not closer than this."""


class Trust(StrEnum):
    """How a list stands. Only a trusted one is asked."""

    UNTESTED = "untested"
    TRUSTED = "trusted"
    REFUSES = "refuses-to-answer"
    LISTS_EVERYTHING = "lists-everything"
    LISTS_NOTHING = "lists-nothing"
    SILENT = "silent"


OUT_OF_USE: Final = tuple(each for each in Trust if each not in (Trust.UNTESTED, Trust.TRUSTED))


class Form(StrEnum):
    """What kind of name is asked for."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    NAME = "name"


class Probe(NamedTuple):
    """The test entries of a form: one that is listed, one that must not be."""

    listed: str
    unlisted: str


PROBES: Final = {
    Form.IPV4: Probe(*(reversed_address(ip_address(text)) for text in ("127.0.0.2", "127.0.0.1"))),
    Form.IPV6: Probe(*(reversed_address(ip_address(text)) for text in ("::ffff:7f00:2", "::ffff:7f00:1"))),
    Form.NAME: Probe("test", "invalid"),
}


class Examined(msgspec.Struct, frozen=True):
    """What a look at a list told. detail: in words. forms: what it can be asked."""

    trust: Trust
    detail: str = ""
    forms: frozenset[Form] = frozenset()


class Condition(msgspec.Struct):
    """How one list stands in this process, and when it is looked at next (monotonic)."""

    examined: Examined = Examined(Trust.UNTESTED)
    due_s: float = 0.0
    retry_s: float = 0.0
    looked_s: float = 0.0
    failed: set[str] = msgspec.field(default_factory=set)
    listed: set[str] = msgspec.field(default_factory=set)

    def is_silent_after(self, name: str) -> bool:
        """Count a question without an answer, each once; True when there were too many in a row."""
        self.failed.add(name)
        return len(self.failed) >= FAILURES_BEFORE_SILENT

    def is_odd_after(self, name: str, *, is_listed: bool) -> bool:
        """Count a new answer; True when there were so many listings in a row as no good list gives."""
        self.failed.clear()
        if is_listed:
            self.listed.add(name)
        else:
            self.listed.clear()
        return len(self.listed) >= LISTED_BEFORE_TEST


def forms_of(dns_list: DnsList) -> tuple[Form, ...]:
    """The forms that a list is asked in, if it bears them."""
    forms: tuple[Form, ...] = (Form.IPV4, Form.IPV6) if Asked.CLIENT in dns_list.asks else ()
    return (*forms, Form.NAME) if set(dns_list.asks) - {Asked.CLIENT} else forms


def probe_of(dns_list: DnsList, form: Form) -> Probe:
    """The test entries of this list; those of names may have another name than RFC 5782 §5 gives them."""
    return PROBES[form] if form is not Form.NAME else PROBES[form]._replace(listed=dns_list.test_name)


async def examine(dns_list: DnsList, ask: Callable[[str], Awaitable[DnsAnswer]]) -> Examined:
    """Look at the test entries of a list. ask: A records, not from a cache of ours.

    Many lists know no IPv6: one without the entry for it is not asked about IPv6, and that is no fault.
    """
    forms = forms_of(dns_list)
    names = [f"{name}.{dns_list.zone}" for form in forms for name in probe_of(dns_list, form)]
    answers = await asyncio.gather(*map(ask, names), return_exceptions=True)
    found: set[Form] = set()
    for form, listed, unlisted in zip(forms, answers[::2], answers[1::2], strict=True):
        judged = _judge(dns_list, probe_of(dns_list, form), listed, unlisted)
        if judged is None:
            found.add(form)
        elif form is not Form.IPV6 or judged.trust not in (Trust.LISTS_NOTHING, Trust.SILENT):
            return judged
    return Examined(Trust.TRUSTED, ", ".join(sorted(found)), frozenset(found))


def _judge(
    dns_list: DnsList, probe: Probe, listed: DnsAnswer | BaseException, unlisted: DnsAnswer | BaseException
) -> Examined | None:
    """What is wrong with a list by the answers for one form, or None."""
    for answer in (listed, unlisted):
        if isinstance(answer, DnsTemporaryFailure | TimeoutError):
            return Examined(Trust.SILENT, "its test entries could not be looked up")
        if isinstance(answer, BaseException):
            raise answer
    entry, other = (read_answer(dns_list, records(answer)) for answer in (listed, unlisted))
    for reading in (entry, other):
        if reading.refusal:
            return refusing(reading.refusal)
    if other.codes:
        what = f"{probe.unlisted}.{dns_list.zone} is {shown_codes(other)}"
        return Examined(Trust.LISTS_EVERYTHING, f"it lists what must not be listed: {what}")
    if not entry.codes and dns_list.has_test_entries:
        said = f"is {entry.odd}, which is no code" if entry.odd else "is not listed"
        return Examined(Trust.LISTS_NOTHING, f"its test entry {probe.listed}.{dns_list.zone} {said}")
    return None


def records(answer: DnsAnswer | BaseException) -> Sequence[str]:
    """The records of an answer."""
    return answer.records if isinstance(answer, DnsAnswer) else ()


def refusing(code: str) -> Examined:
    """A list that says: you may not ask."""
    return Examined(
        Trust.REFUSES,
        f"it answers {code}: this resolver may not ask, or asks too much; "
        "use a resolver of your own, or register with the list",
    )
