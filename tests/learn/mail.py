"""Mail made up for tests: the same number gives the same message, and each kind has words of its own."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from clement.learn.evaluation import features_of
from clement.policy.study import Features

KEY = b"0123456789abcdef"
SYLLABLES = [consonant + vowel for consonant in "bcdfglm" for vowel in "aeio"]


def vocabulary(kind: str, size: int = 400) -> list[str]:
    chance = Random(kind)
    return ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(size)]


COMMON = vocabulary("common")
HAM = vocabulary("ham")
SPAM = vocabulary("spam")
NEWS = vocabulary("news")


def message(kind: str, number: int) -> bytes:
    """kind: "ham", "spam", "news"."""
    chance = Random(f"{kind} {number}")
    words = {"ham": HAM, "spam": SPAM, "news": NEWS}[kind]
    text = " ".join(chance.choice(COMMON if chance.random() < 0.6 else words) for _ in range(120))
    author = {
        "ham": f"{chance.choice(words)}@friends.example",
        "spam": f"{chance.choice(words)}@{chance.choice(words)}.example",
        "news": "weekly@news.example",
    }[kind]
    domain = author.partition("@")[2]
    lines = (
        f"From: {author}",
        "To: someone@local.example",
        f"Subject: {chance.choice(words)} {chance.choice(words)}",
        f"Message-ID: <{kind}{number}@{domain}>",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        f"http://{domain}/{chance.choice(words)}",
        "",
    )
    return "\r\n".join(lines).encode()


@lru_cache(maxsize=8192)
def features(kind: str, number: int, key: bytes = KEY) -> Features:
    return features_of(message(kind, number), key)
