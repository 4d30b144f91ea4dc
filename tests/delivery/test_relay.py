"""Cut-through: what the next hop says is what our client hears, and nothing else is ever sent anywhere."""

import asyncio
import errno
import os
import ssl
from pathlib import Path

import msgspec
import pytest
import trustme

from clement.delivery.hop_answers import clean_text
from clement.delivery.relay import RelayOptions
from clement.delivery.transport import Destination, Placement
from clement.net.hop_connection import HopTimeouts, TlsContexts
from clement.net.hop_pool import PoolLimits
from clement.policy.directory import NextHop, TlsUse
from clement.smtp import NULL_REVERSE_PATH, Mailbox, Reply, ReversePath, replies
from clement.spool.content import Content, ContentWriter
from clement.spool.filesystem import OsFileSystem
from clement.spool.points import Point
from tests.delivery.hops import (
    CLOSE,
    FROM,
    MESSAGE,
    PATIENT,
    STALL,
    TRACE,
    Hop,
    World,
    destination,
    envelope,
    play,
    until,
)
from tests.fixtures.faults import Fault, FaultyFileSystem, Kind

STUFFED = TRACE + MESSAGE.replace(b"\r\n.", b"\r\n..")


async def deliver(
    world: World,
    *destinations: Destination,
    content: Content | None = None,
    reverse_path: ReversePath = FROM,
    smtputf8: bool = False,
) -> list[Placement]:
    """As a session does it without PRDR: commit when all are ready, else abort."""
    delivery = world.transport.start(envelope(reverse_path, smtputf8=smtputf8), destinations)
    prepared = list(await delivery.prepare(content or Content.in_memory(MESSAGE)))
    refused = [placement for placement in prepared if placement is not None]
    if refused:
        await delivery.abort()
        return refused
    return list(await delivery.commit())


def told(placements: list[Placement]) -> list[str]:
    return [str(placement.reply) for placement in placements]


def test_the_message_travels_with_our_trace_in_one_round_trip() -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            (placement,) = await deliver(world, destination(hop.address()))
            assert str(placement.reply) == "250 2.0.0 Message accepted"
            assert placement.next_hop == f"127.0.0.1:{hop.port}"
            assert hop.messages == [STUFFED]
            assert hop.commands[1:] == [
                b"MAIL FROM:<author@client.example> SIZE=%d" % (len(TRACE) + len(MESSAGE)),
                b"RCPT TO:<u@relay.example>",
                b"DATA",
            ]
            await deliver(world, destination(hop.address()))
            assert hop.connections == 1

    play(scene)


def test_content_from_disk_is_the_same(tmp_path: Path) -> None:
    octets = b"Subject: x\r\n\r\n" + b"".join(b".line %d\r\n" % number for number in range(200_000))

    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            writer = ContentWriter(OsFileSystem(), tmp_path, world.workers, 1000)
            writer.append(octets)
            content = await writer.finish()
            assert told(await deliver(world, destination(hop.address()), content=content))[0][:3] == "250"
            assert hop.messages == [TRACE + octets.replace(b"\r\n.", b"\r\n..")]
            content.discard()

    play(scene)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"a\r\n\n.\r\nMAIL FROM:<x>\r\n", b"a\r\n\r\n..\r\nMAIL FROM:<x>\r\n"),
        (b"a\n.\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"no end", b"no end\r\n"),
        (b".first\r\n", b"..first\r\n"),
        (b"a\r\n.\r\n", b"a\r\n..\r\n"),
    ],
)
def test_case_045_stray_line_endings_cannot_end_the_message(sent: bytes, received: bytes) -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            await deliver(world, destination(hop.address()), content=Content.in_memory(b"\r\n" + sent))
            assert hop.messages == [TRACE + b"\r\n" + received]

    play(scene)


def test_case_046_dots_are_stuffed_to_the_octet() -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            content = Content.in_memory(b"\r\n.one\r\n..\r\n...\r\n")
            await deliver(world, destination(hop.address()), content=content)
            assert hop.messages == [TRACE + b"\r\n..one\r\n...\r\n....\r\n"]

    play(scene)


STAGES = ["MAIL", "RCPT", "DATA", "."]
# In which of its times a stage is to be over.
TIMES = {
    "GREETING": "greeting_s",
    "MAIL": "command_s",
    "RCPT": "command_s",
    "DATA": "data_s",
    ".": "final_s",
}


def timeouts_for(answer: bytes, stage: str) -> HopTimeouts:
    """Impatient only where nothing is going to be said."""
    return msgspec.structs.replace(PATIENT, **{TIMES[stage]: 0.1}) if answer == STALL else PATIENT


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"451 4.7.1 later", 4),
        (b"550 5.7.1 no", 5),
        (b"421 4.3.2 going down", 4),
        (b"999 what", 4),
        (b"garbage", 4),
        (b"250-" + b"x" * 2**20, 4),
        (b"\r\n".join([b"250-x"] * 5000), 4),
        (b"250-one\r\n550 two", 4),
        (STALL, 4),
        (CLOSE, 4),
    ],
)
def test_a_next_hop_that_fails_at_any_stage(
    stage: str, pipelining: bool, answer: bytes, expected: int
) -> None:
    async def scene(world: World) -> None:
        hop = Hop({stage: answer}, extensions=[b"PIPELINING"] if pipelining else [])
        async with hop.running():
            (placement,) = await deliver(world, destination(hop.address()))
            assert placement.reply.code // 100 == expected
            assert bool(hop.messages) == (stage == ".")
            assert len(placement.reply.text) == 1
            assert len(placement.reply.encode()) <= 512

    play(scene, timeouts=timeouts_for(answer, stage))


@pytest.mark.parametrize(
    "greeting", [b"554 5.7.1 no", b"421 busy", b"HTTP/1.1 400 Bad Request", STALL, CLOSE]
)
def test_a_next_hop_that_does_not_greet_is_unavailable(greeting: bytes) -> None:
    async def scene(world: World) -> None:
        async with Hop({"GREETING": greeting}).running() as hop:
            (placement,) = await deliver(world, destination(hop.address()))
            assert placement.reply == replies.NEXT_HOP_UNAVAILABLE

    play(scene, timeouts=timeouts_for(greeting, "GREETING"))


@pytest.mark.parametrize("answer", [CLOSE, STALL, b"??"])
def test_no_answer_after_the_dot_is_451_and_nothing_is_sent_again(answer: bytes) -> None:
    async def scene(world: World) -> None:
        async with Hop({".": answer}).running() as hop:
            assert told(await deliver(world, destination(hop.address()))) == [str(replies.NEXT_HOP_LOST)]
            assert len(hop.messages) == 1

    play(scene, timeouts=timeouts_for(answer, "."))


def test_case_088_no_refusal_makes_mail() -> None:
    async def scene(world: World) -> None:
        for stage in STAGES:
            for answer in (b"550 5.7.1 no", b"451 4.3.0 later", b"550 no", CLOSE):
                async with Hop({stage: answer}).running() as hop:
                    target = destination(hop.address())
                    for reverse_path in (FROM, NULL_REVERSE_PATH):
                        await world.transport.verify(reverse_path, target)
                        (placement,) = await deliver(world, target, reverse_path=reverse_path)
                        assert not placement.reply.is_positive
                    # What was refused at the dot was ours to send; nothing else ever got as far.
                    assert all(message == STUFFED for message in hop.messages)
                    assert len(hop.messages) == (2 if stage == "." else 0)
                # The next one may get the same port, and must not be avoided for what this one did.
                now[0] += 6

    now = [0.0]
    play(scene, clock=lambda: now[0])


def test_nothing_listens() -> None:
    async def scene(world: World) -> None:
        nowhere = NextHop("127.0.0.1", 1, tls=TlsUse.NEVER)
        (placement,) = await deliver(world, destination(nowhere))
        assert placement.reply == replies.NEXT_HOP_UNAVAILABLE
        assert await world.transport.verify(FROM, destination(nowhere)) == placement
        assert (await deliver(world, destination()))[0] == placement

    play(scene)


class TestSeveralRecipients:
    def test_case_088_one_refused_leaves_no_message_behind(self) -> None:
        async def scene(world: World) -> None:
            script: dict[str, bytes | list[bytes]] = {"RCPT TO:<b@relay.example>": b"550 5.1.1 unknown"}
            async with Hop(script).running() as hop:
                a, b = (destination(hop.address(), local_part=name) for name in "ab")
                delivery = world.transport.start(envelope(), [a, b])
                prepared = await delivery.prepare(Content.in_memory(MESSAGE))
                assert prepared[0] is None
                assert prepared[1] is not None
                assert str(prepared[1].reply) == "550 5.1.1 Next hop: unknown"
                await delivery.abort()
                await delivery.abort()
                assert hop.messages == []
                # With a reply for each, the session may go on with the rest.
                delivery = world.transport.start(envelope(), [a, b])
                await delivery.prepare(Content.in_memory(MESSAGE))
                placements = await delivery.commit()
                assert [placement.reply.code for placement in placements] == [250, 550]
                assert hop.messages == [STUFFED]

        play(scene)

    def test_all_refused_and_354_all_the_same(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({"RCPT": b"550 5.1.1 unknown"}).running() as hop:
                assert told(await deliver(world, destination(hop.address())))[0][:9] == "550 5.1.1"
                await hop.left()
                assert hop.messages == []
                assert hop.commands[-1] == b"DATA"

        play(scene)

    def test_refused_data_is_taken_back_with_rset_and_the_connection_kept(self) -> None:
        async def scene(world: World) -> None:
            script: dict[str, bytes | list[bytes]] = {"DATA": [b"451 4.3.0 not now", b"354 go on"]}
            async with Hop(script).running() as hop:
                assert told(await deliver(world, destination(hop.address()))) == [
                    "451 4.3.0 Next hop: not now"
                ]
                assert hop.commands[-1] == b"RSET"
                assert told(await deliver(world, destination(hop.address())))[0][:3] == "250"
                assert hop.connections == 1

        play(scene)


class TestLmtp:
    def test_each_recipient_has_an_answer_of_its_own(self, short_folder: Path) -> None:
        async def scene(world: World) -> None:
            answers = [b"250 2.0.0 ok", b"452 4.2.2 full", b"552 5.2.2 over quota"]
            script: dict[str, bytes | list[bytes]] = {
                ".": answers,
                "RCPT TO:<x@relay.example>": b"550 5.1.1 <x@relay.example> User doesn't exist",
            }
            async with Hop(script, is_lmtp=True, path=str(short_folder / "lmtp")).running() as hop:
                each = [destination(hop.address(), local_part=name) for name in "abxc"]
                delivery = world.transport.start(envelope(), each)
                prepared = await delivery.prepare(Content.in_memory(MESSAGE))
                assert [placement is None for placement in prepared] == [True, True, False, True]
                placements = await delivery.commit()
                assert [placement.reply.code for placement in placements] == [250, 451, 550, 554]
                assert hop.commands[0] == b"LHLO mx.example"
                assert placements[0].next_hop == str(short_folder / "lmtp")

        play(scene)

    def test_those_who_had_no_answer_are_deferred(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({".": [b"250 ok", CLOSE]}, is_lmtp=True).running() as hop:
                each = [destination(hop.address(), local_part=name) for name in "ab"]
                assert [p.reply.code for p in await deliver(world, *each)] == [250, 451]

        play(scene)


class TestVerification:
    def test_case_085_the_next_hops_answers_are_passed_on_and_remembered(self) -> None:
        async def scene(world: World) -> None:
            script: dict[str, bytes | list[bytes]] = {
                "RCPT TO:<no@relay.example>": b"550 5.1.1 <no@relay.example>: unknown",
                "RCPT TO:<later@relay.example>": b"452 4.2.2 full",
            }
            async with Hop(script).running() as hop:
                verify, known = world.transport.verify, world.transport.known
                yes, no, later = (destination(hop.address(), local_part=p) for p in ("yes", "no", "later"))
                assert known(yes) is False
                assert await verify(FROM, yes) is None
                refused = await verify(FROM, no)
                deferred = await verify(FROM, later)
                assert refused is not None
                assert deferred is not None
                assert str(refused.reply) == "550 5.1.1 Next hop: <no@relay.example>: unknown"
                assert str(deferred.reply) == "450 4.2.2 Next hop: full"
                asked = len(hop.commands)
                assert [known(each) for each in (yes, no, later)] == [None, refused, deferred]
                assert len(hop.commands) == asked
                assert b"DATA" not in hop.commands
                assert hop.connections == 1
                now[0] += 40
                assert [known(each) for each in (yes, no, later)] == [None, refused, False]
                now[0] += 700
                assert [known(each) for each in (yes, no)] == [None, False]
                now[0] += 3000
                assert known(yes) is False

        now = [0.0]
        play(scene, clock=lambda: now[0])

    def test_case_085_a_dead_next_hop_defers_but_memory_still_answers(self) -> None:
        async def scene(world: World) -> None:
            hop = Hop()
            async with hop.running():
                target = destination(hop.address())
                assert await world.transport.verify(FROM, target) is None
            world.client.close()
            assert world.transport.known(target) is None
            other = destination(hop.address(), local_part="other")
            assert await world.transport.verify(FROM, other) == Placement(replies.NEXT_HOP_UNAVAILABLE)
            assert world.transport.known(other) is False

        play(scene)

    def test_a_refusal_of_the_sender_is_not_held_against_the_recipient(self) -> None:
        async def scene(world: World) -> None:
            for answer in (b"550 5.7.1 you are blocked", b"550 5.1.8 your domain does not exist"):
                async with Hop({"RCPT": answer}).running() as hop:
                    target = destination(hop.address())
                    placement = await world.transport.verify(FROM, target)
                    assert placement is not None
                    assert placement.reply.code == 550
                    assert world.transport.known(target) is False

        play(scene)

    @pytest.mark.parametrize(("second", "known"), [(b"550 no such user", True), (b"250 ok", False)])
    def test_without_enhanced_codes_the_null_reverse_path_decides(self, second: bytes, known: bool) -> None:
        async def scene(world: World) -> None:
            async with Hop({"RCPT": [b"550 no", second]}).running() as hop:
                target = destination(hop.address())
                placement = await world.transport.verify(FROM, target)
                assert placement is not None
                assert placement.reply.code == 550
                assert b"MAIL FROM:<>" in hop.commands
                assert (world.transport.known(target) == placement) == known

        play(scene)

    def test_the_reverse_path_is_the_true_one(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                await world.transport.verify(FROM, destination(hop.address()))
                await world.transport.verify(NULL_REVERSE_PATH, destination(hop.address()))
                assert [line for line in hop.commands if line.startswith(b"MAIL")] == [
                    b"MAIL FROM:<author@client.example>",
                    b"MAIL FROM:<>",
                ]

        play(scene)

    def test_a_recipient_refused_later_is_asked_about_again(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({"RCPT": [b"250 ok", b"550 5.1.1 gone"]}).running() as hop:
                target = destination(hop.address())
                assert await world.transport.verify(FROM, target) is None
                assert world.transport.known(target) is None
                assert told(await deliver(world, target)) == ["550 5.1.1 Next hop: gone"]
                assert world.transport.known(target) is False

        play(scene)

    def test_case_086_a_dictionary_is_refused_on_few_connections_and_remembered(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({"RCPT": b"550 5.1.1 unknown"}).running() as hop:
                each = [destination(hop.address(), local_part=f"guess{number}") for number in range(300)]
                found = await asyncio.gather(*(world.transport.verify(FROM, target) for target in each))
                assert {placement.reply.code for placement in found if placement} == {550}
                assert hop.connections <= 4
                assert all(world.transport.known(target) for target in each)
                assert b"DATA" not in hop.commands

        play(scene, limits=PoolLimits(connections=4, messages=1000))

    def test_a_group_may_do_without(self) -> None:
        async def scene(world: World) -> None:
            assert world.transport.known(destination(verify=False)) is None

        play(scene)


class TestConnections:
    def test_a_kept_connection_that_died_is_replaced_once(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                await deliver(world, destination(hop.address()))
                hop.hang_up()
                assert told(await deliver(world, destination(hop.address())))[0][:3] == "250"
                assert (hop.connections, len(hop.messages)) == (2, 2)

        play(scene)

    @pytest.mark.parametrize("answer", [CLOSE, b"421 4.4.2 idle too long"])
    def test_a_kept_connection_that_dies_at_mail_is_replaced_once(self, answer: bytes) -> None:
        async def scene(world: World) -> None:
            async with Hop({"MAIL": [b"250 ok", answer, b"250 ok"]}).running() as hop:
                for _ in range(2):
                    assert told(await deliver(world, destination(hop.address())))[0][:3] == "250"
                assert (hop.connections, len(hop.messages)) == (2, 2)

        play(scene)

    def test_the_number_of_messages_on_a_connection_is_bounded(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                for _ in range(5):
                    await deliver(world, destination(hop.address()))
                await until(lambda: hop.commands.count(b"QUIT") == 2, "two connections are left")
                assert hop.connections == 3

        play(scene, limits=PoolLimits(messages=2))

    def test_the_number_of_connections_is_bounded(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                await asyncio.gather(*(deliver(world, destination(hop.address())) for _ in range(20)))
                assert hop.connections <= 3
                assert len(hop.messages) == 20

        play(scene, limits=PoolLimits(connections=3))

    def test_idle_connections_are_left(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                await deliver(world, destination(hop.address()))
                await until(lambda: hop.commands[-1] == b"QUIT", "an idle connection is left")

        play(scene, limits=PoolLimits(idle_s=0.05))

    def test_a_busy_pool_defers_in_time(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({".": STALL}).running() as hop:
                first = asyncio.create_task(deliver(world, destination(hop.address())))
                await until(lambda: bool(hop.messages), "the only connection is in use")
                # The clock stands still: of its 300 s the second has 0.1 left.
                late = envelope(content_ended_s=700.1)
                delivery = world.transport.start(late, [destination(hop.address())])
                (placement,) = await delivery.prepare(Content.in_memory(MESSAGE))
                assert placement is not None
                assert placement.reply == replies.NEXT_HOP_UNAVAILABLE
                assert not first.done()
                first.cancel()
                await asyncio.wait((first,))

        options = RelayOptions(content_s=300.0)
        play(scene, clock=lambda: 1000.0, limits=PoolLimits(connections=1), options=options)

    def test_the_next_hop_of_lower_priority_takes_over(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({"GREETING": b"421 down"}).running() as first, Hop().running() as second:
                hops = (second.address(priority=20), first.address(priority=10))
                for _ in range(3):
                    assert told(await deliver(world, destination(*hops)))[0][:3] == "250"
                # Left alone after it failed, and asked again later.
                assert (first.connections, len(second.messages)) == (1, 3)
                now[0] += 6
                await deliver(world, destination(*hops))
                assert first.connections == 2

        now = [0.0]
        play(scene, clock=lambda: now[0])

    def test_next_hops_of_equal_priority_take_turns(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as first, Hop().running() as second:
                for _ in range(6):
                    await deliver(world, destination(first.address(), second.address()))
                assert (len(first.messages), len(second.messages)) == (3, 3)

        play(scene)

    def test_a_cancelled_session_hangs_up_without_a_dot(self) -> None:
        async def scene(world: World) -> None:
            async with Hop({"DATA": [STALL, b"354 go on"]}).running() as hop:
                delivery = world.transport.start(envelope(), [destination(hop.address())])
                preparing = asyncio.create_task(delivery.prepare(Content.in_memory(MESSAGE)))
                await until(lambda: b"DATA" in hop.commands, "it waits for the answer to DATA")
                preparing.cancel()
                await asyncio.wait((preparing,))
                await delivery.abort()
                assert hop.messages == []
                assert told(await deliver(world, destination(hop.address())))[0][:3] == "250"

        play(scene, limits=PoolLimits(connections=1))


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    def server(self, authority: trustme.CA, name: str = "127.0.0.1") -> Hop:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return Hop(extensions=[b"STARTTLS", b"PIPELINING"], tls=context)

    def contexts(self, authority: trustme.CA) -> TlsContexts:
        contexts = TlsContexts.standard()
        authority.configure_trust(contexts.verified)
        return contexts

    @pytest.mark.parametrize("use", [TlsUse.OFFERED, TlsUse.REQUIRED])
    def test_is_used_where_it_is_offered(self, authority: trustme.CA, use: TlsUse) -> None:
        async def scene(world: World) -> None:
            async with self.server(authority).running() as hop:
                assert told(await deliver(world, destination(hop.address(use))))[0][:3] == "250"
                assert hop.commands[:4:2] == [b"EHLO mx.example"] * 2
                assert hop.commands[1] == b"STARTTLS"

        play(scene, tls=self.contexts(authority))

    def test_required_means_verified(self, authority: trustme.CA) -> None:
        async def scene(world: World) -> None:
            for hop in (self.server(authority, "other.example"), self.server(trustme.CA()), Hop()):
                async with hop.running():
                    placements = await deliver(world, destination(hop.address(TlsUse.REQUIRED)))
                    assert told(placements) == [str(replies.NEXT_HOP_UNAVAILABLE)]
                    assert hop.messages == []
                    assert not [line for line in hop.commands if line.startswith(b"MAIL")]

        play(scene, tls=self.contexts(authority))

    def test_offered_is_not_verified_and_never_is_not_used(self, authority: trustme.CA) -> None:
        async def scene(world: World) -> None:
            async with self.server(trustme.CA(), "other.example").running() as hop:
                assert told(await deliver(world, destination(hop.address(TlsUse.OFFERED))))[0][:3] == "250"
            async with self.server(authority).running() as hop:
                assert told(await deliver(world, destination(hop.address(TlsUse.NEVER))))[0][:3] == "250"
                assert b"STARTTLS" not in hop.commands

        play(scene, tls=self.contexts(authority))

    def test_a_broken_handshake_falls_back_to_clear_text_where_it_was_only_offered(self) -> None:
        async def scene(world: World) -> None:
            # A server context without a certificate cannot shake hands.
            broken = Hop(extensions=[b"STARTTLS"], tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            async with broken.running() as hop:
                for _ in range(2):
                    assert (
                        told(await deliver(world, destination(hop.address(TlsUse.OFFERED))))[0][:3] == "250"
                    )
                assert hop.connections == 2
                assert hop.commands.count(b"STARTTLS") == 1

        play(scene)

    @pytest.mark.parametrize("use", [TlsUse.OFFERED, TlsUse.REQUIRED])
    def test_refused_starttls(self, use: TlsUse) -> None:
        async def scene(world: World) -> None:
            hop = Hop({"STARTTLS": b"454 4.7.0 no certificate"}, extensions=[b"STARTTLS"])
            async with hop.running():
                code = (await deliver(world, destination(hop.address(use))))[0].reply.code
                assert code == (250 if use is TlsUse.OFFERED else 451)

        play(scene)


class TestNeeds:
    def test_a_next_hop_without_smtputf8_refuses_a_utf8_envelope(self) -> None:
        async def scene(world: World) -> None:
            async with Hop(extensions=[b"PIPELINING"]).running() as hop:
                target = destination(hop.address(), local_part="jörg")
                assert [p.reply.code for p in await deliver(world, target, smtputf8=True)] == [553]
                placement = await world.transport.verify(FROM, target)
                assert placement is not None
                assert placement.reply.enhanced == "5.6.7"
                # Declared, but nothing makes use of it.
                plain = destination(hop.address())
                assert told(await deliver(world, plain, smtputf8=True))[0][:3] == "250"
                utf8 = Content.in_memory("Subject: grüße\r\n\r\n".encode())
                assert [p.reply.code for p in await deliver(world, plain, content=utf8, smtputf8=True)] == [
                    553
                ]

        play(scene)

    def test_smtputf8_is_said_where_it_is_needed(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                target = destination(hop.address(), local_part="jörg")
                reverse_path = Mailbox("zoë", "client.example")
                assert [p.reply.code for p in await deliver(world, target, reverse_path=reverse_path)] == [
                    250
                ]
                assert hop.commands[1].startswith("MAIL FROM:<zoë@client.example> ".encode())
                assert b"SMTPUTF8" in hop.commands[1].split()

        play(scene)

    def test_a_message_beyond_the_next_hops_size_is_not_sent(self) -> None:
        async def scene(world: World) -> None:
            async with Hop(extensions=[b"SIZE 100"]).running() as hop:
                assert told(await deliver(world, destination(hop.address()))) == [
                    str(replies.MESSAGE_TOO_LARGE)
                ]
                assert not [line for line in hop.commands if line.startswith(b"MAIL")]

        play(scene)

    def test_quoted_local_parts_are_quoted_again(self) -> None:
        async def scene(world: World) -> None:
            async with Hop().running() as hop:
                await deliver(world, destination(hop.address(), local_part="a b"))
                assert hop.commands[2] == b'RCPT TO:<"a b"@relay.example>'

        play(scene)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<u@relay.example>: Recipient address rejected", "<u@relay.example>: Recipient address rejected"),
        ("host mx7.corp.example[10.1.2.3] said no", "host (host)(host) said no"),
        ("see [fd00::1] or fd00:1:2:3::9", "see (host) or (host)"),
        ("not found at SERVER7.CORP.LOCAL:25", "not found at (host)"),
        ("line\x1b[31m one", "line?[31m one"),
        ("", "no reason given"),
    ],
)
def test_the_next_hops_words_name_no_machine(text: str, cleaned: str) -> None:
    assert clean_text(Reply(550, "5.1.1", (text,))) == cleaned


def test_cve_2020_8794_many_lines_become_one_bounded_line() -> None:
    cleaned = clean_text(Reply(550, "5.1.1", tuple(f"line {number} " + "x" * 400 for number in range(40))))
    assert len(cleaned) <= 400
    assert "\n" not in cleaned
    os.fsencode(cleaned)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("point", [Point.RELAY_RECIPIENTS_ACCEPTED, Point.RELAY_CONTENT_SENT])
def test_case_120_an_error_of_ours_before_the_answer_defers(point: Point, number: int) -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            (placement,) = await deliver(world, destination(hop.address()))
            assert placement.reply == (
                replies.STORAGE_FULL if number == errno.ENOSPC else replies.LOCAL_ERROR
            )
            await hop.left()
            assert len(hop.messages) == (point is Point.RELAY_CONTENT_SENT)
            assert told(await deliver(world, destination(hop.address())))[0][:3] == "250"

    play(scene, filesystem=FaultyFileSystem(Fault(point, Kind.ERROR, errno=number)))


def test_case_120_an_error_of_ours_after_the_answer_does_not_turn_it_round() -> None:
    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            assert told(await deliver(world, destination(hop.address())))[0][:3] == "250"

    play(scene, filesystem=FaultyFileSystem(Fault(Point.RELAY_ANSWERED, Kind.ERROR, errno=errno.EIO)))


def test_next_hops_are_reached_over_ipv6() -> None:
    async def scene(world: World) -> None:
        hop = Hop()
        try:
            server = await asyncio.start_server(hop.serve, "::1", 0)
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        async with server:
            address = NextHop("::1", server.sockets[0].getsockname()[1], tls=TlsUse.NEVER)
            assert told(await deliver(world, destination(address)))[0][:3] == "250"

    play(scene)


def test_case_120_content_that_cannot_be_read_back_is_never_ended(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(Fault(Point.CONTENT_READ, Kind.ERROR, errno=5, hit=3))

    async def scene(world: World) -> None:
        async with Hop().running() as hop:
            writer = ContentWriter(filesystem, tmp_path, world.workers, 1000)
            writer.append(b"x" * 600_000)
            content = await writer.finish()
            assert told(await deliver(world, destination(hop.address()), content=content)) == [
                str(replies.LOCAL_ERROR)
            ]
            await hop.left()
            assert hop.messages == []
            content.discard()

    play(scene)
