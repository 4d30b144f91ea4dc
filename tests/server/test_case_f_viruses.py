"""Hostile cases 106 and 107 with a real clamd: a virus however wrapped, and what clamd did not look at."""

import base64
import io
import os
import struct
import zipfile
from collections.abc import Callable

import pytest

from scripts.eicar import EICAR
from tests.fixtures.clamd import Clamd
from tests.server.house import Builder, House
from tests.server.talk import Answer

ANNA = "anna@local.example"
FRIDA = "frida@lax.example"
TITLE, DATA, RENDERING = 0x00018010, 0x0006800F, 0x00069002


def zipped(octets: bytes, times: int, name: str = "eicar.com") -> bytes:
    for layer in range(times):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, octets)
        octets, name = made.getvalue(), f"layer{layer}.zip"
    return octets


def winmail(octets: bytes) -> bytes:
    """A winmail.dat with one file ([MS-OXTNEF] §2.1.3)."""
    stream = struct.pack("<IH", 0x223E9F78, 1)
    version = (1, 0x00089006, b"\0\0\1\0")
    file = ((2, RENDERING, b"\1\0" + bytes(12)), (2, TITLE, b"eicar.com\0"), (2, DATA, octets))
    for level, kind, content in (version, *file):
        stream += (
            struct.pack("<BII", level, kind, len(content))
            + content
            + struct.pack("<H", sum(content) & 0xFFFF)
        )
    return stream


def mail(octets: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    head = "From: <a@sender.example>\r\nSubject: case-106\r\nMIME-Version: 1.0\r\n"
    head += 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nSee there.\r\n--b\r\n'
    head += f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head.encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n") + b"--b--\r\n"


PLAIN = b"From: <a@sender.example>\r\nSubject: case-106\r\n\r\n" + EICAR + b"\r\n"


@pytest.fixture(scope="module")
def eicar_in() -> dict[str, bytes]:
    return {
        "plain": PLAIN,
        "base64": mail(EICAR, "eicar.txt"),
        "zip": mail(zipped(EICAR, 1), "a.zip"),
        "zip, 5 deep": mail(zipped(EICAR, 5), "a.zip"),
        "zip as a picture": mail(zipped(EICAR, 1), "photo.jpg", "image/jpeg"),
        "winmail.dat": mail(winmail(EICAR), "winmail.dat", "application/ms-tnef"),
        "message in a message": b"Content-Type: message/rfc822\r\n\r\n" + mail(zipped(EICAR, 2), "a.zip"),
    }


def offer(house: House, recipient: str, octets: bytes) -> Answer:
    with house.client() as client:
        assert client.envelope(recipient)[0].code == 250
        answer = client.content(octets)
        client.silent()
    return answer


@pytest.fixture
def scanned(build: Builder, clamd: Clamd) -> House:
    """A house with a scanner that knows EICAR."""
    return build(tables={"scanner": {"addresses": [f"unix:{clamd.unix_socket}"], "timeout_s": 20}})


@pytest.mark.peer
def test_case_106_a_virus_is_named_at_the_end_of_data_however_it_is_wrapped(
    scanned: House, eicar_in: dict[str, bytes]
) -> None:
    for wrapped, octets in eicar_in.items():
        for recipient in (ANNA, FRIDA):
            answer = offer(scanned, recipient, octets)
            assert answer.codes == "554 5.7.1", (wrapped, answer)
            assert "Virus found: Eicar-Test-Signature" in answer.text, (wrapped, answer)
    assert scanned.stored() == []
    scanned.wait_until_tidy()


@pytest.mark.peer
def test_case_107_what_clamd_did_not_look_at_is_no_virus_and_not_clean(
    build: Builder, start_clamd: Callable[..., Clamd]
) -> None:
    clamd = start_clamd(MaxFileSize="100K")
    house = build(tables={"scanner": {"addresses": [f"unix:{clamd.unix_socket}"], "timeout_s": 20}})
    large = mail(zipped(os.urandom(200_000), 1, "noise.dat"), "a.zip")
    answer = offer(house, ANNA, large)
    assert answer.codes == "554 5.7.1"
    assert "cannot be scanned" in answer.text
    assert "Virus" not in answer.text
    assert offer(house, FRIDA, large).code == 250
    assert offer(house, ANNA, mail(b"small", "a.txt")).code == 250
