"""A sink: the protocol core on an asyncio transport, with rules in place of policy.

It is for trying things: it keeps content in memory, promises nothing, and never relays.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import cast

import msgspec

from clement.cli.sink_rules import SinkRules, joint_answer
from clement.config.endpoint import Endpoint, TcpEndpoint, UnixEndpoint
from clement.message.encoded_words import decode_words
from clement.message.headers import fields, split_content
from clement.message.text import decoded
from clement.smtp import (
    ContentAborted,
    ContentChunk,
    ContentEnded,
    ContentRequested,
    Event,
    Extensions,
    Hello,
    MailRequested,
    RecipientRequested,
    Reply,
    ServerSession,
    Service,
    replies,
)

IDLE_TIMEOUT_S = 300
SIZE_LIMIT_BYTES = 100 * 1024 * 1024


class SinkMessage(msgspec.Struct, frozen=True):
    """A message that was offered, and the answer it got. `reply`: the last one, of the worst recipient."""

    at_s: float
    client: str
    hello: str
    reverse_path: str
    recipients: tuple[str, ...]
    size_bytes: int
    subject: str
    accepted: tuple[str, ...]
    reply: str


Take = Callable[[SinkMessage, bytes], None]


class SinkConnection(asyncio.Protocol):
    """One client. `take` gets each message with its content when the answer is certain."""

    def __init__(self, service: Service, hostname: str, rules: SinkRules, take: Take) -> None:
        offer = Extensions(size_limit_bytes=SIZE_LIMIT_BYTES, prdr=service is not Service.LMTP)
        self._session = ServerSession(service=service, hostname=hostname, offer=offer)
        self._hostname = hostname
        self._rules = rules
        self._take = take
        self._content = bytearray()
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._session.greet(replies.SERVICE_READY.with_text(f"{self._hostname} sink, keeps nothing"))
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._session.receive_data(data)
        while (event := self._session.next_event()) is not None:
            self._handle(event)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def _handle(self, event: Event) -> None:
        match event:
            case ContentChunk():
                self._content += event.data
            case ContentAborted():
                self._content.clear()
            case ContentEnded():
                self._judge(event)
            case RecipientRequested():
                self._session.answer(self._rules.at_recipient(str(event.forward_path)))
            case _ if event.awaits_answer:
                self._session.answer(POSITIVE.get(type(event), replies.COMMAND_NOT_IMPLEMENTED))

    def _judge(self, event: ContentEnded) -> None:
        transaction = self._session.transaction
        if transaction is None:
            return
        addresses = [str(path) for path in transaction.recipients]
        content, self._content = bytes(self._content), bytearray()
        if event.is_truncated:
            answers = [replies.MESSAGE_TOO_LARGE] * len(addresses)
        else:
            answers = [self._rules.at_content(address) for address in addresses]
        if not transaction.per_recipient:
            answers = [joint_answer(answers)] * len(answers)
        reverse_path = str(transaction.reverse_path)
        self._session.answer(answers if transaction.per_recipient else answers[0])
        self._take(self._message(reverse_path, addresses, answers, content), content)

    def _message(
        self, reverse_path: str, addresses: list[str], answers: list[Reply], content: bytes
    ) -> SinkMessage:
        peer = self._transport.get_extra_info("peername")
        worst = joint_answer(answers)
        return SinkMessage(
            at_s=time.time(),
            client=peer[0] if isinstance(peer, tuple) else "unix",
            hello=self._session.facts.hello_domain,
            reverse_path=reverse_path,
            recipients=tuple(addresses),
            size_bytes=len(content),
            subject=subject_of(content),
            accepted=tuple(
                address for address, reply in zip(addresses, answers, strict=True) if reply.is_positive
            ),
            reply=f"{worst.code} {worst.enhanced} {worst.text[0]}",
        )

    def _flush(self) -> None:
        self._transport.write(self._session.data_to_send())
        if self._idle is not None:
            self._idle.cancel()
        if self._session.closing:
            self._transport.close()
        else:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(IDLE_TIMEOUT_S, self._give_up)

    def _give_up(self) -> None:
        self._session.terminate(replies.IDLE_TOO_LONG)
        self._flush()


POSITIVE: dict[type[Event], Reply] = {
    Hello: replies.HELLO,
    MailRequested: replies.REVERSE_PATH_OK,
    ContentRequested: replies.START_CONTENT,
}


def subject_of(content: bytes) -> str:
    """The first Subject field, decoded; "" when there is none."""
    header, _body = split_content(content)
    for field in fields(header):
        if field.name.lower() == b"subject":
            return decode_words(decoded(field.unfolded))
    return ""


async def serve_sink(
    endpoint: TcpEndpoint | UnixEndpoint,
    rules: SinkRules,
    take: Take,
    announce: Callable[[Endpoint], None],
    *,
    hostname: str,
    is_lmtp: bool,
) -> None:
    """Listen until SIGINT or SIGTERM. Raises OSError when the address cannot be had."""
    service = Service.LMTP if is_lmtp else Service.SMTP
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    def connection() -> SinkConnection:
        return SinkConnection(service, hostname, rules, take)

    if isinstance(endpoint, UnixEndpoint):
        server = await loop.create_unix_server(connection, endpoint.path)
        announce(endpoint)
    else:
        server = await loop.create_server(connection, endpoint.host, endpoint.port)
        announce(TcpEndpoint(*server.sockets[0].getsockname()[:2]))
    async with server:
        await stopped.wait()
