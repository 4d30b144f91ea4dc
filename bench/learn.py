"""What the learning filter costs: walk, read, features, score, and learning, in CPU time of one process.

    .venv/bin/python bench/learn.py [ROUNDS]

Messages are made up: text and HTML beside each other, links, the header of a list. Prints the least of many
batches, which another load on the machine disturbs least, and fails when one exceeds its budget.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from clement.learn.features import extract
from clement.learn.model import Model
from clement.learn.trainer import Trainer
from clement.message.attachments.examine import attachments_of
from clement.message.mime.read import read
from clement.message.mime.walk import walk

KEY = b"bench of a filter"
BATCHES = 15
CHANCE = Random(1)
WORDS = ["".join(CHANCE.choices("abcdefghijklmnopqrstuvwxyz", k=CHANCE.randint(2, 10))) for _ in range(8000)]
SCOPES = ("d:1", "m:1")
FINDINGS = ("spf=pass", "dkim=pass", "dmarc=pass", "iprev=pass", "dns-list=none")
BUDGETS_MS = {
    "10 kB: walk, read, features, score": 1.5,
    "1 MB: walk, read, features, score": 15.0,
    "learn": 1.0,
}

HEADER = b"""\
Received: from mail.sender.example (mail.sender.example [192.0.2.7])\r
\tby mx.local.example (Postfix) with ESMTPS id 4F1234567\r
\tfor <anna@local.example>; Thu, 26 Nov 2026 10:00:00 +0000 (UTC)\r
Received: from localhost (localhost [127.0.0.1]) by mail.sender.example with ESMTP id 77;\r
\tThu, 26 Nov 2026 09:59:58 +0000\r
DKIM-Signature: v=1; a=rsa-sha256; d=sender.example; s=one; h=from:to:subject; bh=xxxx; b=yyyy\r
From: "The Weekly" <weekly@sender.example>\r
Reply-To: answers@sender.example\r
To: anna@local.example\r
Subject: =?utf-8?q?What_happened_this_week_=E2=80=93_and_what_did_not?=\r
Date: Thu, 26 Nov 2026 09:59:57 +0000\r
Message-ID: <20261126095957.77@sender.example>\r
List-Id: The Weekly <weekly.sender.example>\r
List-Unsubscribe: <https://sender.example/leave/77>\r
X-Mailer: Posthorn 4.2\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="between"\r
\r
"""


def text(size_bytes: int, chance: Random) -> str:
    words: list[str] = []
    size = 0
    while size < size_bytes:
        words.append(chance.choice(WORDS[: chance.choice((50, 500, 8000))]))
        size += len(words[-1]) + 1
    return "\r\n".join(" ".join(words[n : n + 12]) for n in range(0, len(words), 12))


def message(size_bytes: int, number: int) -> bytes:
    chance = Random(number)
    plain = text(size_bytes * 4 // 10, chance)
    page = text(size_bytes * 5 // 10, chance).split("\r\n")
    links = "".join(
        f'<p><a href="https://sender.example/{n}/read?x={number}">more</a></p>\r\n' for n in range(12)
    )
    html = "<html><body>" + "".join(f"<p>{line}</p>\r\n" for line in page) + links + "</body></html>"
    return HEADER + (
        "--between\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + plain
        + "\r\n--between\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html + "\r\n--between--\r\n"
    ).encode()  # fmt: skip


def least_ms(act: Callable[[bytes], object], messages: list[bytes]) -> float:
    best = float("inf")
    for _ in range(BATCHES):
        began_ns = time.process_time_ns()
        for one in messages:
            act(one)
        best = min(best, (time.process_time_ns() - began_ns) / len(messages) / 1e6)
    return best


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    small = [message(10_000, number) for number in range(rounds)]
    large = [message(1_000_000, number) for number in range(3)]
    trainer = Trainer(KEY)
    for number, octets in enumerate(small):
        structure = walk(octets)
        trainer.learn(extract(octets, structure, read(octets, structure), (), KEY), unwanted=number % 2 > 0)
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        trainer.save(path)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        model = Model.open(path)
        for name, messages in (("10 kB", small), ("1 MB", large)):
            walks = {octets: walk(octets) for octets in messages}
            readings = {octets: read(octets, walks[octets]) for octets in messages}
            found = {octets: extract(octets, walks[octets], readings[octets], (), KEY) for octets in messages}

            def whole(octets: bytes) -> object:
                structure = walk(octets)
                reading = read(octets, structure)
                attached = attachments_of(octets, structure)
                return model.weigh(extract(octets, structure, reading, attached, KEY), FINDINGS)

            spent[f"{name}: walk"] = least_ms(walk, messages)
            spent[f"{name}: read"] = least_ms(lambda octets: read(octets, walks[octets]), messages)  # noqa: B023
            spent[f"{name}: attachments"] = least_ms(
                lambda octets: attachments_of(octets, walks[octets]),  # noqa: B023
                messages,
            )
            spent[f"{name}: features"] = least_ms(
                lambda octets: extract(octets, walks[octets], readings[octets], (), KEY),  # noqa: B023
                messages,
            )
            spent[f"{name}: score"] = least_ms(lambda octets: model.weigh(found[octets], FINDINGS), messages)  # noqa: B023
            spent[f"{name}: score of a recipient"] = least_ms(
                lambda octets: model.weigh(found[octets], FINDINGS, SCOPES),  # noqa: B023
                messages,
            )
            spent[f"{name}: walk, read, features, score"] = least_ms(whole, messages)
            if name == "10 kB":
                spent["learn"] = least_ms(
                    lambda octets: trainer.learn(found[octets], FINDINGS, unwanted=True),  # noqa: B023
                    messages,
                )
                spent["learn of a person"] = least_ms(
                    lambda octets: trainer.learn(found[octets], FINDINGS, SCOPES, unwanted=False),  # noqa: B023
                    messages,
                )
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
        file_mb = path.stat().st_size / 1e6
    over = False
    for name, ms in spent.items():
        budget = BUDGETS_MS.get(name)
        over |= budget is not None and ms > budget
        print(f"{name:<36} {ms:8.3f} ms" + (f"   budget {budget} ms" if budget else ""))
    print(f"file {file_mb:.1f} MB, of which a checker maps {model.head.size * 4 / 1e6:.1f} MB, shared")
    print(f"grown by {grown_kb / 1000:.1f} MB while scoring")
    sys.exit(over)


if __name__ == "__main__":
    main()
