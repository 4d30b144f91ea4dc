"""The 72 cases of rspamd's own tests of SPF, DKIM, DMARC and ARC, and their fake DNS."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest

from clement.message.authentication.dmarc_record import Policy
from clement.message.authentication.result import Result
from clement.message.dns import DnsAnswer, DnsTemporaryFailure
from tests.fixtures.places import shared

try:
    FOLDER = shared("material/dmarc_rspamd")
except pytest.skip.Exception as skipped:
    pytest.skip(str(skipped), allow_module_level=True)


class Case(msgspec.Struct, frozen=True):
    """A message, whence it came, and the symbols that rspamd gives it, or must not give it."""

    case: str
    message: str
    ip: str
    mail_from: str
    helo: str
    expect: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def content(self) -> bytes:
        """With the line ends of SMTP."""
        octets = (FOLDER / self.message).read_bytes()
        return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class _Answer(msgspec.Struct, frozen=True):
    name: str
    type: str
    rcode: str = ""
    replies: tuple[str, ...] = ()


def cases() -> Iterator[Case]:
    """All of them."""
    yield from msgspec.json.decode((FOLDER / "expected.json").read_bytes(), type=list[Case])


class FakeDns:
    """Answers as rspamd's fake resolver does; a name that it does not know does not exist."""

    def __init__(self, folder: Path = FOLDER) -> None:
        answers = msgspec.json.decode((folder / "fake_dns.json").read_bytes(), type=list[_Answer])
        self._answers = {(answer.name.lower(), answer.type): answer for answer in answers}

    async def a(self, name: str) -> DnsAnswer:
        return self._answer(name, "a")

    async def aaaa(self, name: str) -> DnsAnswer:
        return self._answer(name, "aaaa")

    async def mx(self, domain: str) -> DnsAnswer:
        return self._answer(domain, "mx")

    async def txt(self, name: str) -> DnsAnswer:
        return self._answer(name, "txt")

    async def ptr(self, address: str) -> DnsAnswer:
        return self._answer(ip_address(address).reverse_pointer, "ptr")

    def _answer(self, name: str, kind: str) -> DnsAnswer:
        answer = self._answers.get((name.lower().rstrip("."), kind))
        if answer is None or answer.rcode == "nxdomain":
            return DnsAnswer(exists=False)
        if answer.rcode == "timeout":
            raise DnsTemporaryFailure(f"{kind} of {name}")
        return DnsAnswer(answer.replies)


SPF = {
    "R_SPF_ALLOW": Result.PASS,
    "R_SPF_PLUSALL": Result.PASS,
    "R_SPF_FAIL": Result.FAIL,
    "R_SPF_DNSFAIL": Result.TEMPERROR,
    "R_SPF_PERMFAIL": Result.PERMERROR,
    "R_SPF_NA": Result.NONE,
}
DKIM = {
    "R_DKIM_ALLOW": Result.PASS,
    "R_DKIM_REJECT": Result.FAIL,
    "R_DKIM_TEMPFAIL": Result.TEMPERROR,
    "R_DKIM_PERMFAIL": Result.PERMERROR,
    "R_DKIM_NA": Result.NONE,
}
ARC = {"ARC_ALLOW": Result.PASS, "ARC_INVALID": Result.FAIL}
DMARC: dict[str, tuple[Result, Policy]] = {
    "DMARC_POLICY_ALLOW": (Result.PASS, Policy.NONE),
    "DMARC_POLICY_SOFTFAIL": (Result.FAIL, Policy.NONE),
    "DMARC_POLICY_QUARANTINE": (Result.FAIL, Policy.QUARANTINE),
    "DMARC_POLICY_REJECT": (Result.FAIL, Policy.REJECT),
    "DMARC_DNSFAIL": (Result.TEMPERROR, Policy.NONE),
    "DMARC_NA": (Result.NONE, Policy.NONE),
}


def symbols(spf: Result, dkim: set[Result], arc: Result, dmarc: tuple[Result, Policy]) -> set[str]:
    """What rspamd would call these results."""
    found = {name for name, result in SPF.items() if result is spf}
    found |= {name for name, result in DKIM.items() if result in (dkim or {Result.NONE})}
    found |= {name for name, result in ARC.items() if result is arc}
    return found | {name for name, told in DMARC.items() if told == dmarc}
