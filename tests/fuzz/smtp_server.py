"""Fuzz target: whatever octets a client sends, however cut, the server core gives events and replies only,
never an exception, and a state that is in the table.

.venv/bin/python -m tests.fuzz.smtp_server [SECONDS]

Coverage-guided where atheris is installed, else random.

The first octet chooses service, TLS and policy, the second how the rest is cut; what follows is the client's.
Findings are written to the present folder as crash-*; each becomes a seed in tests/fuzz/corpus.
"""

from __future__ import annotations

import importlib.util
import math
import random
import sys
import time
from hashlib import sha256
from pathlib import Path

from clement.smtp import BareLineEndings, ProtocolLimits, Service, State
from tests.smtp.core import Core

CORPUS = Path(__file__).parent / "corpus"
MAX_OCTETS = 4096
TIGHT = ProtocolLimits(command_line_octets=300, auth_line_octets=400, endless_line_octets=1000, recipients=3)

# What a mutation may put in, so that random octets find their way beyond the first command.
WORDS = [
    b"EHLO c.test\r\n",
    b"LHLO c.test\r\n",
    b"MAIL FROM:<a@a.test>",
    b"RCPT TO:<b@b.test>\r\n",
    b"DATA\r\n",
    b"BDAT 4\r\n",
    b"BDAT 2 LAST\r\n",
    b"RSET\r\n",
    b"STARTTLS\r\n",
    b"AUTH PLAIN ",
    b"AUTH LOGIN\r\n",
    b"AGJvYgBzZWNyZXQ=\r\n",
    b" SIZE=9 BODY=8BITMIME SMTPUTF8 PRDR RET=FULL\r\n",
    b" NOTIFY=DELAY ORCPT=rfc822;a+2B\r\n",
    b"\r\n.\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b".",
    b'"',
    b"\\",
    b"<@r.test:",
    b"\xe7\x94\xa8@\xe4\xbe\x8b.test",
    b"xn--",
    b"[IPv6:::1]",
    b"\0",
]


def check(octets: bytes) -> None:
    """The invariant, for one input."""
    choice, cut, octets = (octets[0], octets[1] or 1, octets[2:]) if len(octets) > 2 else (0, 1, b"")
    core = Core(
        service=list(Service)[choice % 3],
        tls_active=bool(choice & 4),
        bare_line_endings=BareLineEndings.NORMALISE if choice & 8 else BareLineEndings.REJECT,
        limits=TIGHT if choice & 16 else ProtocolLimits(),
    )
    core.feed(*(octets[at : at + cut] for at in range(0, len(octets), cut)))
    if not core.session.closing:
        assert core.session.state in State
        core.eof()
    assert core.session.closing
    for line in core.sent.split(b"\r\n")[:-1]:
        assert len(line) <= 510
        assert line.decode("ascii").isprintable()
    assert core.sent.endswith(b"\r\n")


def mutate(octets: bytes, source: random.Random) -> bytes:
    """`octets` with a few places changed."""
    result = bytearray(octets)
    for _ in range(source.randint(1, 8)):
        at = source.randint(0, len(result))
        match source.randrange(4):
            case 0:
                result[at : at + source.randint(1, 8)] = b""
            case 1:
                result[at:at] = source.choice(WORDS)
            case 2:
                result[at : at + 1] = source.randbytes(1)
            case _:
                start = source.randint(0, len(result))
                result[at:at] = result[start : start + source.randint(1, 40)]
    return bytes(result[:MAX_OCTETS])


def run_at_random(seconds: float, seed: int | None = None, inputs: float = math.inf) -> int:
    """Mutate the corpus until time is up or so many inputs were tried; their number."""
    source = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    tried = 0
    end = time.monotonic() + seconds
    while tried < inputs and time.monotonic() < end:
        octets = mutate(source.choice(seeds), source)
        try:
            check(octets)
        except Exception:
            name = f"crash-{sha256(octets).hexdigest()[:16]}"
            Path(name).write_bytes(octets)
            print(f"found {name}: {octets!r}", file=sys.stderr)
            raise
        tried += 1
        if tried % 50 == 0 and len(seeds) < 5000:
            seeds.append(octets)
    return tried


def main() -> None:
    """Run as a program."""
    if importlib.util.find_spec("atheris") is not None:
        atheris = importlib.import_module("atheris")
        atheris.instrument_all()
        atheris.Setup([*sys.argv[:1], str(CORPUS), *sys.argv[1:]], check)
        atheris.Fuzz()
    else:
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
        print(f"{run_at_random(seconds)} inputs, no finding")


if __name__ == "__main__":
    main()
