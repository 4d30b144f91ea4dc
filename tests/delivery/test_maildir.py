"""Final delivery as readers, full disks and clocks see it."""

import asyncio
import mailbox as stdlib
import os
import shutil
import time
from pathlib import Path

import pytest

from clement.delivery.maildir_names import MaildirNames, size_of, sized
from clement.policy.directory import LocalMailbox
from clement.smtp import replies
from clement.spool.content import HEADER_LIMIT_BYTES, Content, ContentWriter
from clement.spool.filesystem import OsFileSystem
from clement.spool.points import Point
from clement.spool.workers import Workers
from tests.delivery.local import (
    HEAD,
    MESSAGE,
    deliver,
    destination,
    envelope,
    mailbox,
    staged,
    stored,
    transport,
)
from tests.fixtures.faults import GatedFileSystem


def answers(placements: list[object]) -> list[int]:
    return [placement.reply.code for placement in placements if placement is not None]  # type: ignore[attr-defined]


def test_a_reader_finds_the_message_with_its_trace(tmp_path: Path) -> None:
    (placement,) = deliver(tmp_path, [destination(mailbox(1))])
    assert placement is not None
    assert str(placement.reply) == "250 2.0.0 Message accepted"
    (found,) = stdlib.Maildir(tmp_path / "local.example/1", create=False)
    assert found["Return-Path"] == "<author@client.example>"
    assert found["Delivered-To"] == "u1@local.example"
    assert found.keys()[:3] == ["Return-Path", "Delivered-To", "Received"]
    (path,) = stored(tmp_path)
    octets = path.read_bytes()
    assert b"\r" not in octets
    assert octets.endswith(b"\n\nFirst line\n.dot\nlast line\n")
    assert size_of(path.name) == len(octets)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_null_reverse_path_stands_in_return_path(tmp_path: Path) -> None:
    deliver(tmp_path, [destination(mailbox(1))], bounce=True)
    assert stored(tmp_path)[0].read_bytes().startswith(b"Return-Path: <>\n")


def test_content_from_disk_is_the_same_as_from_memory(tmp_path: Path) -> None:
    octets = b"Subject: x\r\n\r\n" + b"".join(b"line %d\r\n" % number for number in range(100_000))

    async def play() -> Content:
        writer = ContentWriter(OsFileSystem(), tmp_path, workers, 1000)
        # The cut falls between CR and LF.
        writer.append(octets[:13])
        writer.append(octets[13:])
        return await writer.finish()

    workers = Workers(1)
    content = asyncio.run(play())
    workers.stop()
    deliver(tmp_path, [destination(mailbox(1))], content=content)
    (path,) = stored(tmp_path)
    assert path.read_bytes().endswith(octets.replace(b"\r\n", b"\n"))
    assert size_of(path.name) == path.stat().st_size


FORGED = (
    b"Return-Path: <forged@x.example>\r\n"
    b"Received: from x\r\n by y\r\n"
    b"RETURN-PATH : <forged@x.example>\r\n\tand more\r\n of it\r\n"
    b"Subject: Return-Path: of no\r\n Return-Path: consequence\r\n"
    b"X-Return-Path: <other@x.example>\r\n"
    b"return-path:<forged@x.example>\r\n"
)
KEPT = (
    b"Received: from x\n by y\n"
    b"Subject: Return-Path: of no\n Return-Path: consequence\n"
    b"X-Return-Path: <other@x.example>\n"
)
BODY = b"\r\nReturn-Path: <this@body.example>\r\n" + b"text\r\n" * 80_000


@pytest.mark.parametrize("memory_bytes", [1000, 10_000_000])
def test_the_only_return_path_is_ours(tmp_path: Path, memory_bytes: int) -> None:
    async def play() -> Content:
        writer = ContentWriter(OsFileSystem(), tmp_path, workers, memory_bytes)
        writer.append(FORGED + BODY)
        return await writer.finish()

    workers = Workers(1)
    content = asyncio.run(play())
    workers.stop()
    deliver(tmp_path, [destination(mailbox(1), mailbox(2))], content=content)
    one, other = stored(tmp_path)
    octets = one.read_bytes()
    assert octets == HEAD + KEPT + BODY.replace(b"\r\n", b"\n")
    assert other.read_bytes().endswith(KEPT + BODY.replace(b"\r\n", b"\n"))
    assert size_of(one.name) == len(octets)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"Return-Path: <f@x.example>", b""),
        (b"Return-Path: <f@x.example>\r\n", b""),
        (b"Return-Path: <f@x.example>\r\n\r\nbody\r\n", b"\nbody\n"),
        (b"A: b\nReturn-Path: <f@x.example>\nC: d\r\n\r\n", b"A: b\nC: d\n\n"),
        (b"A: b\n\nReturn-Path: <in@body.example>\r\n\r\n", b"A: b\n\nReturn-Path: <in@body.example>\n\n"),
        (b"\r\nReturn-Path: <in@body.example>\r\n", b"\nReturn-Path: <in@body.example>\n"),
    ],
)
def test_return_paths_at_the_edges_of_a_header(tmp_path: Path, sent: bytes, kept: bytes) -> None:
    deliver(tmp_path, [destination(mailbox(1))], content=Content.in_memory(sent))
    assert stored(tmp_path)[0].read_bytes() == HEAD + kept


def test_a_return_path_that_is_cut_by_the_limit_of_headers_stays_whole(tmp_path: Path) -> None:
    cut = b"Return-Path: <cut@x.example>\r\n"
    fill = b"X: " + b"y" * (HEADER_LIMIT_BYTES - 5 - len(cut) // 2) + b"\r\n"
    sent = fill + cut + b"\r\nbody\r\n"
    deliver(tmp_path, [destination(mailbox(1))], content=Content.in_memory(sent))
    assert stored(tmp_path)[0].read_bytes() == HEAD + sent.replace(b"\r\n", b"\n")


def test_several_mailboxes_get_one_copy_each(tmp_path: Path) -> None:
    both = destination(mailbox(1), mailbox(2))
    assert answers(deliver(tmp_path, [both, destination(mailbox(2)), destination(mailbox(3))])) == [250] * 3
    assert [path.parents[1].name for path in stored(tmp_path)] == ["1", "2", "3"]
    assert staged(tmp_path) == []


def test_aborting_leaves_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        via = transport(tmp_path, workers)
        delivery = via.start(envelope(), [destination(mailbox(1)), destination(mailbox(2))])
        assert await delivery.prepare(Content.in_memory(MESSAGE)) == [None, None]
        assert len(staged(tmp_path)) == 2
        await delivery.abort()
        await delivery.abort()

    workers = Workers(1)
    asyncio.run(play())
    workers.stop()
    assert staged(tmp_path) == stored(tmp_path) == []


def test_a_cancelled_session_never_leaves_a_step_running(tmp_path: Path) -> None:
    async def play() -> None:
        filesystem = GatedFileSystem(Point.MAILDIR_WRITTEN)
        via = transport(tmp_path, workers, filesystem)
        delivery = via.start(envelope(), [destination(mailbox(number)) for number in range(1, 30)])
        preparing = asyncio.create_task(delivery.prepare(Content.in_memory(MESSAGE)))
        await asyncio.to_thread(filesystem.has_come.wait, 30)
        preparing.cancel()
        filesystem.may_go_on.set()
        await asyncio.wait((preparing,))
        assert preparing.cancelled()
        await delivery.abort()

    workers = Workers(1)
    asyncio.run(play())
    workers.stop()
    assert staged(tmp_path) == stored(tmp_path) == []


def test_a_missing_mail_root_is_an_unmounted_disk(tmp_path: Path) -> None:
    (placement,) = deliver(tmp_path / "missing", [destination(mailbox(1))])
    assert placement is not None
    assert placement.reply == replies.LOCAL_ERROR
    assert not (tmp_path / "missing").exists()


def test_a_mailbox_removed_under_way_is_made_again(tmp_path: Path) -> None:
    async def play() -> None:
        via = transport(tmp_path, workers)
        for _ in range(2):
            delivery = via.start(envelope(), [destination(mailbox(1))])
            await delivery.prepare(Content.in_memory(MESSAGE))
            (placement,) = await delivery.commit()
            assert placement.reply.is_positive
            shutil.rmtree(tmp_path / "local.example/1")

    workers = Workers(1)
    asyncio.run(play())
    workers.stop()


@pytest.mark.parametrize("maildir", ["../x", "/etc", "a/../../x", "", "a\0b"])
def test_case_082_no_name_leads_out_of_the_mail_root(tmp_path: Path, maildir: str) -> None:
    (tmp_path / "root").mkdir()
    odd = LocalMailbox(1, "u@local.example", maildir)
    assert answers(deliver(tmp_path / "root", [destination(odd)])) == [451]
    assert list(tmp_path.iterdir()) == [tmp_path / "root"]


def test_case_125_names_stay_unique_when_the_clock_does_not_move() -> None:
    still = MaildirNames("mx.local.example", lambda: 1e9)
    twin = MaildirNames("mx.local.example", lambda: 1e9)
    names = {still.next() for _ in range(1000)} | {twin.next() for _ in range(1000)}
    assert len(names) == 2000
    assert all(name.startswith("1000000000.M0P") and name.endswith(".mx.local.example") for name in names)
    # Even when the random numbers of two processes agree, their process ids do not.
    known = MaildirNames("h", lambda: -5.5, lambda count: b"\0" * count)
    assert known.next() != known.next()
    assert str(os.getpid()) in known.next()


def test_host_names_cannot_break_file_names() -> None:
    assert MaildirNames("a/b:c,S=1", time.time).next().endswith(r".a\057b\072c\054S=1")
    assert size_of(sized("1.M1P1Q1R0.h", 77)) == 77
    assert size_of("1.M1P1.h,S=77:2,S") == 77
    assert size_of("1.M1P1.h,S=12,W=13:2,") == 12
    assert size_of("1.M1P1.h,S=x") is size_of("1.M1.h") is None


class TestQuota:
    SIZE = len(HEAD) + len(MESSAGE)

    def test_a_message_larger_than_the_quota_never_fits(self, tmp_path: Path) -> None:
        small = destination(mailbox(1, self.SIZE - 1))
        (placement,) = deliver(tmp_path, [small])
        assert placement is not None
        assert placement.reply == replies.QUOTA_EXCEEDED
        assert stored(tmp_path) == staged(tmp_path) == []

    def test_a_full_mailbox_defers_until_somebody_deletes(self, tmp_path: Path) -> None:
        async def play() -> list[int]:
            via, codes = transport(tmp_path, workers), []
            target = destination(mailbox(1, 3 * self.SIZE))
            for step in range(7):
                if step == 5:
                    # A reader deletes one behind our back.
                    stored(tmp_path)[0].unlink()
                delivery = via.start(envelope(), [target])
                await delivery.prepare(Content.in_memory(MESSAGE))
                codes.append((await delivery.commit())[0].reply.code)
            return codes

        workers = Workers(1)
        codes = asyncio.run(play())
        workers.stop()
        assert codes == [250, 250, 250, 452, 452, 250, 452]

    def test_one_full_mailbox_of_an_alias_defers_that_recipient_only(self, tmp_path: Path) -> None:
        full, free = mailbox(1, self.SIZE), mailbox(2)
        deliver(tmp_path, [destination(full)])
        codes = answers(
            deliver(tmp_path, [destination(full, free), destination(mailbox(3)), destination(full)])
        )
        assert codes == [452, 250, 452]
        assert [path.parents[1].name for path in stored(tmp_path)] == ["1", "3"]
        assert staged(tmp_path) == []

    def test_mail_in_folders_counts_and_names_without_size_are_measured(self, tmp_path: Path) -> None:
        for folder in ("new", "cur", "tmp", ".Archive/cur", ".Archive/new", ".Archive/tmp"):
            (tmp_path / "local.example/1" / folder).mkdir(parents=True)
        (tmp_path / "local.example/1/.Archive/cur/1.M1P1.h:2,S").write_bytes(b"x" * 400)
        (tmp_path / "local.example/1/cur/1.M1P2.h,S=500:2,S").write_bytes(b"")
        (tmp_path / "local.example/1/dovecot.index").write_bytes(b"x" * 4000)
        target = destination(mailbox(1, 900 + self.SIZE - 1))
        assert answers(deliver(tmp_path, [target])) == [452]
        target = destination(mailbox(1, 900 + self.SIZE))
        assert answers(deliver(tmp_path, [target])) == [250]

    def test_at_rcpt_a_full_mailbox_is_told_before_content(self, tmp_path: Path) -> None:
        async def play() -> None:
            via = transport(tmp_path, workers)
            limited, free = destination(mailbox(1, self.SIZE)), destination(mailbox(2))
            assert via.known(free) is None
            assert via.known(limited) is False
            assert await via.verify(envelope().reverse_path, limited) is None
            assert via.known(limited) is None
            delivery = via.start(envelope(), [limited])
            # Without line ends it is stored octet by octet, and fills the mailbox to the last one.
            await delivery.prepare(Content.in_memory(b"x" * len(MESSAGE)))
            await delivery.commit()
            assert via.known(limited) is False
            placement = await via.verify(envelope().reverse_path, limited)
            assert placement is not None
            assert placement.reply == replies.QUOTA_FULL

        workers = Workers(1)
        asyncio.run(play())
        workers.stop()

    def test_two_at_once_do_not_share_the_last_room(self, tmp_path: Path) -> None:
        async def play() -> list[int]:
            via = transport(tmp_path, workers)

            async def one() -> int:
                delivery = via.start(envelope(), [destination(mailbox(1, self.SIZE + 10))])
                await delivery.prepare(Content.in_memory(MESSAGE))
                return (await delivery.commit())[0].reply.code

            return sorted(await asyncio.gather(*(one() for _ in range(8))))

        workers = Workers(8)
        codes = asyncio.run(play())
        workers.stop()
        assert codes == [250] + [452] * 7
