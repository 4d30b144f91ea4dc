"""How much CPU the protocol core takes: a dialogue without content, one of 10 kB, content by the megabyte.

.venv/bin/python -m bench.protocol_core [ROUNDS]

No sockets, no policy: octets in, events out, answers in, octets out.  CPU time, the best of several rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from clement.smtp import Event, Extensions, Reply, ServerSession, Service, events, replies

OFFER = Extensions(size_limit_bytes=100_000_000)
ANSWERS: dict[type[Event], Reply] = {
    events.Hello: replies.HELLO,
    events.MailRequested: replies.REVERSE_PATH_OK,
    events.RecipientRequested: replies.RECIPIENT_OK,
    events.ContentRequested: replies.START_CONTENT,
    events.ContentEnded: replies.MESSAGE_OK,
}
LINE = b"a line of a message as people and programs write them, about so long\r\n"
ENVELOPE = (
    b"EHLO client.example\r\n",
    b"MAIL FROM:<alice@client.example> SIZE=10000\r\n",
    b"RCPT TO:<bob@local.example>\r\n",
    b"DATA\r\n",
)


def session(segments: tuple[bytes, ...]) -> None:
    """One session, each segment answered before the next."""
    core = ServerSession(service=Service.SMTP, hostname="mx.example", offer=OFFER)
    core.greet(replies.SERVICE_READY)
    core.data_to_send()
    for segment in segments:
        core.receive_data(segment)
        while (event := core.next_event()) is not None:
            if event.awaits_answer:
                core.answer(ANSWERS[event.__class__])
        core.data_to_send()


def best_s(act: Callable[[], object], times: int, rounds: int) -> float:
    """Seconds of CPU for one call."""
    results = []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(times):
            act()
        results.append((time.process_time() - begin) / times)
    return min(results)


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    quit_line = b"QUIT\r\n"
    for name, size_bytes in (("no content", 0), ("10 kB", 10_000), ("100 kB", 100_000)):
        content = LINE * (size_bytes // len(LINE)) + b".\r\n"
        segments = (*ENVELOPE, content, quit_line)
        cost_s = best_s(lambda segments=segments: session(segments), 2000, rounds)  # type: ignore[misc]
        print(f"dialogue, {name:>10}: {cost_s * 1e6:8.1f} us")
    refused = (*ENVELOPE[:3], quit_line)
    print(f"refused at RCPT     : {best_s(lambda: session(refused), 2000, rounds) * 1e6:8.1f} us")
    segment = (LINE * 1000)[:65536]
    for name, piece in (("text", segment), ("every line stuffed", (b"..x" + LINE) * 800)):
        many = (*ENVELOPE, *[piece] * 400, b"\r\n.\r\n", quit_line)
        size_mb = 400 * len(piece) / 1e6
        print(f"content, {name:<18}: {size_mb / best_s(lambda: session(many), 1, rounds):8.0f} MB/s")  # noqa: B023


if __name__ == "__main__":
    main()
