"""A DNS of a few names, for tests of what DMARC makes of its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clement.message.dns import DnsAnswer, DnsTemporaryFailure


class Zone:
    """TXT records by name; `failing` names cannot be asked, `present` names have an address."""

    def __init__(
        self, txt: Mapping[str, Sequence[str]], failing: Sequence[str] = (), present: Sequence[str] = ()
    ) -> None:
        self._txt = txt
        self._failing = failing
        self._present = present
        self.asked: list[str] = []

    async def txt(self, name: str) -> DnsAnswer:
        self.asked.append(name)
        if name in self._failing:
            raise DnsTemporaryFailure(f"TXT of {name}")
        records = tuple(self._txt.get(name, ()))
        return DnsAnswer(records, bool(records))

    async def a(self, name: str) -> DnsAnswer:
        self.asked.append(name)
        return DnsAnswer(("192.0.2.1",)) if name in self._present else DnsAnswer(exists=False)

    async def aaaa(self, name: str) -> DnsAnswer:
        return DnsAnswer(exists=name in self._present)

    async def mx(self, domain: str) -> DnsAnswer:
        return DnsAnswer(exists=domain in self._present)

    async def ptr(self, address: str) -> DnsAnswer:
        raise AssertionError(f"nobody needs the name of {address}")
