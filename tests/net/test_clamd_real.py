"""The scanner against a real clamd, on asyncio's loop and on uvloop."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import zipfile
from base64 import encodebytes
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from msgspec.structs import replace

from clement.net.clamd import ClamdScanner
from clement.net.clamd_settings import ClamdAddress, ClamdSettings
from clement.policy.ports import Clean, Infected, Scan, ScannerUnavailable, Unscannable
from scripts.eicar import EICAR
from tests.fixtures.clamd import Clamd

pytestmark = pytest.mark.peer

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return asyncio.run if request.param == "asyncio" else uvloop.run


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, clamd: Clamd) -> ClamdAddress:
    if request.param == "unix":
        return ClamdAddress.parse(f"unix:{clamd.unix_socket}")
    return ClamdAddress.parse("tcp:{}:{}".format(*clamd.tcp_address))


def message(body: bytes) -> bytes:
    return b"From: a@local.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n" + body


def attached(content: bytes) -> bytes:
    return message(
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encodebytes(content).replace(b"\n", b"\r\n")
    )


def zipped(content: bytes, times: int) -> bytes:
    for _ in range(times):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.bin", content)
        content = packed.getvalue()
    return content


def winmail(content: bytes) -> bytes:
    """A TNEF stream with one attachment (MS-OXTNEF §2.1: signature, key, attribute attAttachData)."""
    attribute = struct.pack("<BII", 2, 0x0006800F, len(content)) + content
    return struct.pack("<IH", 0x223E9F78, 1) + attribute + struct.pack("<H", sum(content) & 0xFFFF)


def unique(size_bytes: int) -> bytes:
    """Text that clamd has not seen before, so that its cache of clean content cannot answer."""
    line = os.urandom(36).hex().encode() + b"\r\n"
    return message(b"\r\n" + line * (size_bytes // len(line)))


async def scan(settings: ClamdSettings, content: bytes, piece_bytes: int = 64 * 1024) -> Scan:
    stream = ClamdScanner(settings).begin()
    for start in range(0, len(content), piece_bytes):
        await stream.feed(content[start : start + piece_bytes])
    return await stream.finish()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(EICAR, id="plain"),
        pytest.param(attached(EICAR), id="base64"),
        pytest.param(attached(winmail(EICAR)), id="winmail.dat"),
        pytest.param(attached(zipped(EICAR, 1)), id="zip"),
        pytest.param(attached(zipped(EICAR, 5)), id="zip-in-zip-5"),
    ],
)
def test_case_106_eicar_is_found_with_its_name(run: Run, address: ClamdAddress, content: bytes) -> None:
    found = run(scan(ClamdSettings(addresses=(address,)), content))
    assert isinstance(found, Infected)
    assert "Eicar" in found.signature


@pytest.mark.parametrize("size_bytes", [0, 1, 10_000, 262_144, 262_145, 3_000_000])
def test_clean_content_of_every_size_is_clean(run: Run, address: ClamdAddress, size_bytes: int) -> None:
    content = unique(size_bytes)[:size_bytes]
    assert run(scan(ClamdSettings(addresses=(address,)), content)) == Clean()


@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_the_pieces_in_which_content_arrives_change_nothing(
    run: Run, address: ClamdAddress, piece_bytes: int
) -> None:
    settings = ClamdSettings(addresses=(address,), hold_bytes=100)
    assert isinstance(run(scan(settings, attached(EICAR), piece_bytes)), Infected)


def test_eicar_at_the_end_of_an_uploaded_message_is_found(run: Run, address: ClamdAddress) -> None:
    content = unique(1_000_000) + EICAR
    assert isinstance(run(scan(ClamdSettings(addresses=(address,)), content)), Infected)


@pytest.mark.parametrize("hold_bytes", [10_000_000, 1000], ids=["held", "uploaded"])
def test_case_110_size_limit_of_the_stream_is_unscannable(
    run: Run, start_clamd: Callable[..., Clamd], hold_bytes: int
) -> None:
    clamd = start_clamd(StreamMaxLength="1M")
    for text in (f"unix:{clamd.unix_socket}", "tcp:{}:{}".format(*clamd.tcp_address)):
        settings = ClamdSettings(addresses=(ClamdAddress.parse(text),), hold_bytes=hold_bytes)
        for _ in range(5):
            assert isinstance(run(scan(settings, unique(4_000_000))), Unscannable)


def test_case_107_exceeded_limits_are_unscannable_not_infected(
    run: Run, start_clamd: Callable[..., Clamd]
) -> None:
    clamd = start_clamd(MaxRecursion="3")
    settings = ClamdSettings(addresses=(ClamdAddress(path=str(clamd.unix_socket)),))
    result = run(scan(settings, attached(zipped(b"harmless " + os.urandom(20), 9))))
    assert isinstance(result, Unscannable), result


def test_encrypted_archives_are_unscannable(run: Run, start_clamd: Callable[..., Clamd]) -> None:
    clamd = start_clamd(AlertEncrypted="yes")
    settings = ClamdSettings(addresses=(ClamdAddress(path=str(clamd.unix_socket)),))
    packed = bytearray(zipped(b"secret " * 100, 1))
    packed[6] |= 1  # general purpose bit flag 0, encrypted: local header (APPNOTE 4.4.4)
    central = packed.index(b"PK\x01\x02")
    packed[central + 8] |= 1
    result = run(scan(settings, attached(bytes(packed))))
    assert isinstance(result, Unscannable), result


def test_case_108_and_109_a_clamd_that_hangs_goes_and_comes_back(start_clamd: Callable[..., Clamd]) -> None:
    clamd = start_clamd()
    settings = ClamdSettings(addresses=(ClamdAddress(path=str(clamd.unix_socket)),))
    impatient = replace(settings, timeout_base_s=0.5, timeout_cap_s=0.5)

    def result(chosen: ClamdSettings = settings) -> Scan:
        return uvloop.run(scan(chosen, unique(10_000)))

    assert result() == Clean()
    clamd.program.pause()
    assert isinstance(result(impatient), ScannerUnavailable)
    clamd.program.resume()
    clamd.program.kill()
    assert isinstance(result(), ScannerUnavailable)
    clamd.start_again()
    assert result() == Clean()


def test_case_111_a_reload_under_load_costs_no_scan(start_clamd: Callable[..., Clamd]) -> None:
    clamd = start_clamd(MaxThreads="4")
    settings = ClamdSettings(
        addresses=(ClamdAddress(path=str(clamd.unix_socket)),),
        scans_at_once=8,
        wait_s=100.0,
        timeout_base_s=60.0,
    )

    async def main() -> list[Scan]:
        scanner = ClamdScanner(settings)

        async def one(number: int) -> Scan:
            stream = scanner.begin()
            await stream.feed(unique(100_000))
            if number % 20 == 10:
                _, writer = await asyncio.open_unix_connection(str(clamd.unix_socket))
                writer.write(b"zRELOAD\0")
                await writer.drain()
                writer.close()
            return await stream.finish()

        return await asyncio.gather(*map(one, range(100)))

    assert set(uvloop.run(main())) == {Clean()}
