"""ClamAV as a Scanner: content goes to clamd while it arrives, the result comes back in the session.

Short content is held and sent whole when it is complete, so that a slow client occupies nothing and a second
clamd can be asked when the first one fails. Long content is uploaded while it arrives; clamd collects it in a
file and begins to scan at the end mark, so a place among the scans at once is taken only there.
Not here: what a result means for the message (policy), whether clamd is well (`clamd_health`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from clement.net.clamd_connection import (
    END_OF_STREAM,
    INSTREAM,
    ClamdConnection,
    ClamdFault,
    chunk_header,
    connect,
)
from clement.net.clamd_events import ClamdEvent, ClamdFailed
from clement.net.clamd_reply import read_scan_reply
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from clement.net.clamd_slots import Overloaded, Slots
from clement.net.clamd_upload import Upload, Uploads
from clement.net.machine_places import MachinePlaces
from clement.policy.ports import Scan, ScannerUnavailable

ATTEMPTS = 2


class ClamdScanner:
    """Implements Scanner over one or several clamds. One for each process; belongs to the running loop.

    on_event: told of every clamd that failed, for the log; must not raise.
    """

    def __init__(self, settings: ClamdSettings, on_event: Callable[[ClamdEvent], None] | None = None) -> None:
        if not settings.addresses:
            raise ValueError("a ClamdScanner needs the address of a clamd")
        self.settings = settings
        self.scans = Slots(settings.scans_at_once, settings.scans_waiting)
        # A long content keeps its place for a second or more, in which many a short one would have waited.
        self.long_scans = Slots(max(1, settings.scans_at_once // 2), settings.scans_waiting)
        self.machine_places = MachinePlaces(settings.long_places)
        self.uploads = Uploads(settings)
        self._on_event = on_event
        self._busy = dict.fromkeys(settings.addresses, 0)
        self._shunned_until_s = dict.fromkeys(settings.addresses, 0.0)

    def begin(self) -> ClamdStream:
        return ClamdStream(self)

    def addresses(self, count: int = ATTEMPTS) -> Sequence[ClamdAddress]:
        """The clamds to ask now, best first: those that did not fail of late, then the least busy."""
        if len(self._busy) == 1:
            return self.settings.addresses
        now_s = asyncio.get_running_loop().time()
        ranked = sorted(self._busy, key=lambda one: (self._shunned_until_s[one] > now_s, self._busy[one]))
        return ranked[:count]

    async def scan_whole(self, chunks: Sequence[bytes], size_bytes: int) -> Scan:
        """Scan content that is complete; a second clamd is asked when the first one fails."""
        try:
            await self.scans.take(self.settings.wait_s)
        except Overloaded as overloaded:
            return ScannerUnavailable(str(overloaded))
        scan: Scan = ScannerUnavailable("not asked")
        try:
            for address in self.addresses():
                scan = await self._attempt(address, chunks, size_bytes)
                if not isinstance(scan, ScannerUnavailable):
                    break
        finally:
            self.scans.give_back()
        return scan

    async def _attempt(self, address: ClamdAddress, chunks: Sequence[bytes], size_bytes: int) -> Scan:
        connection: ClamdConnection | None = None
        self._busy[address] += 1
        try:
            connection = await connect(address, self.settings.stall_s)
            connection.write(_whole_command(chunks, size_bytes))
            octets = await connection.reply(self.settings.timeout_s(size_bytes))
        except ClamdFault as fault:
            return self.failed(address, str(fault))
        finally:
            self._busy[address] -= 1
            if connection is not None:
                connection.drop()
        return self.understood(address, octets)

    async def scan_uploaded(self, upload: Upload, size_bytes: int) -> Scan:
        """Scan content that clamd has already: the end mark starts it, so it waits for a place first."""
        try:
            upload.no_more()
            await self.long_scans.take(self.settings.wait_s)
            try:
                octets = await self._scan_long(upload, size_bytes)
            finally:
                self.long_scans.give_back()
        except Overloaded as overloaded:
            return ScannerUnavailable(str(overloaded))
        except ClamdFault as fault:
            return self.failed(upload.address, str(fault))
        return self.understood(upload.address, octets)

    async def _scan_long(self, upload: Upload, size_bytes: int) -> bytes:
        place = await self.machine_places.take(self.settings.wait_s)
        try:
            return await upload.reply(self.settings.timeout_s(size_bytes))
        finally:
            self.machine_places.give_back(place)

    def understood(self, address: ClamdAddress, octets: bytes) -> Scan:
        """The result in a reply; a reply without one counts against the clamd that gave it."""
        scan = read_scan_reply(octets)
        return self.failed(address, scan.why) if isinstance(scan, ScannerUnavailable) else scan

    def failed(self, address: ClamdAddress, why: str) -> ScannerUnavailable:
        """Note that this clamd failed: it is asked after the others for a while."""
        self._shunned_until_s[address] = asyncio.get_running_loop().time() + self.settings.shun_s
        if self._on_event is not None:
            self._on_event(ClamdFailed(address, why))
        return ScannerUnavailable(f"{address}: {why}")


def _whole_command(chunks: Sequence[bytes], size_bytes: int) -> list[bytes]:
    if not size_bytes:
        return [INSTREAM, END_OF_STREAM]  # a chunk of length zero would be the end mark
    # One length for all: clamd sees one chunk, whatever pieces it arrived in here.
    return [INSTREAM, chunk_header(size_bytes), *chunks, END_OF_STREAM]


class ClamdStream:
    """Implements ScanStream: holds content up to `hold_bytes`, uploads beyond."""

    __slots__ = ("_failure", "_held", "_over", "_scanner", "_size_bytes", "_upload")

    def __init__(self, scanner: ClamdScanner) -> None:
        self._scanner = scanner
        self._held: list[bytes] = []
        self._size_bytes = 0
        self._upload: Upload | None = None
        self._failure: ScannerUnavailable | None = None
        self._over = False

    async def feed(self, chunk: bytes) -> None:
        if self._over or self._failure is not None or not chunk:
            return
        self._size_bytes += len(chunk)
        if self._upload is not None:
            await self._send(self._upload, chunk)
            return
        self._held.append(chunk)
        if self._size_bytes > self._scanner.settings.hold_bytes:
            await self._begin_upload()

    async def _begin_upload(self) -> None:
        for address in self._scanner.addresses():
            self._upload = Upload(self._scanner.uploads, address)
            if await self._open(self._upload):
                break
        held, self._held = self._held, []
        for chunk in held:
            if self._failure is None and self._upload is not None:
                await self._send(self._upload, chunk)

    async def _open(self, upload: Upload) -> bool:
        """Whether no other clamd need be tried: this one is open, or it is we who cannot."""
        self._failure = None
        try:
            await upload.open()
        except ClamdFault as fault:
            upload.give_up()
            self._failure = self._scanner.failed(upload.address, str(fault))
            return self._over
        except Overloaded as overloaded:
            self._failure = ScannerUnavailable(str(overloaded))
        except asyncio.CancelledError:
            self.abandon()
            raise
        return True

    async def _send(self, upload: Upload, chunk: bytes) -> None:
        try:
            await upload.send(chunk)
        except ClamdFault as fault:
            upload.give_up()
            self._failure = self._scanner.failed(upload.address, str(fault))
        except Overloaded as overloaded:
            self._failure = ScannerUnavailable(str(overloaded))
        except asyncio.CancelledError:
            self.abandon()
            raise

    async def finish(self) -> Scan:
        if self._over:
            return ScannerUnavailable("the content was abandoned")
        if self._failure is not None:
            return self._failure
        try:
            if self._upload is None:
                return await self._scanner.scan_whole(self._held, self._size_bytes)
            return await self._scanner.scan_uploaded(self._upload, self._size_bytes)
        finally:
            self.abandon()

    def abandon(self) -> None:
        self._over = True
        self._held = []
        if self._upload is not None:
            self._upload.give_up()
