"""A plain comparison with Postfix, for a machine without the yardstick: Postfix's own generator drives both.

Messages of 10 kB, one a connection, 20 at a time: accepted and discarded, and
delivered to a Maildir. Rates only; needs root, because Postfix does.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fixtures.postfix import run_postfix  # noqa: E402 - the path has to be known first
from tests.fixtures.programs import choose_port  # noqa: E402

DOMAIN, USERS, MESSAGES, ROUNDS = "bench.test", 100, 3000, 3


def main() -> None:
    subprocess.run([ROOT / "scripts" / "need", "postfix"], check=True)
    for profile, settings in (
        ("P0 accept and discard", {"default_transport": "discard"}),
        ("P1 deliver to a Maildir", virtual()),
    ):
        rates: dict[str, list[float]] = {"clement": [], "postfix": []}
        for _round in range(ROUNDS):
            with clement(profile[:2]) as port:
                rates["clement"].append(drive(port))
            with postfix(settings) as port:
                rates["postfix"].append(drive(port))
        ours, theirs = (statistics.median(rates[name]) for name in ("clement", "postfix"))
        print(f"{profile}: clement {ours:.0f}/s, postfix {theirs:.0f}/s, ratio {ours / theirs:.2f}")


def virtual() -> dict[str, str]:
    boxes = ", ".join(f"{{ u{number}@{DOMAIN} = u{number}/ }}" for number in range(USERS))
    return {"virtual_mailbox_domains": DOMAIN, "virtual_mailbox_maps": f"inline:{{ {boxes} }}"}


def drive(port: int) -> float:
    """Messages a second, as smtp-source sees it."""
    source = ["smtp-source", "-s", "20", "-l", "10240", "-m", str(MESSAGES), "-f", "s@gen.test"]
    started_s = time.monotonic()
    subprocess.run([*source, "-t", f"u1@{DOMAIN}", f"inet:127.0.0.1:{port}"], check=True, timeout=120)
    return MESSAGES / (time.monotonic() - started_s)


@contextmanager
def clement(profile: str) -> Iterator[int]:
    port = choose_port()
    with tempfile.TemporaryDirectory(prefix="clement-bench-") as name:
        mail = Path(name, "mail")
        for number in range(USERS):
            for part in ("tmp", "new", "cur"):
                Path(mail, f"u{number}", part).mkdir(parents=True)
        environment = {
            **os.environ,
            "BENCH_PROFILE": profile,
            "BENCH_DIR": name,
            "BENCH_PORT": str(port),
            "BENCH_MAILDIR": str(mail),
            "BENCH_DOMAIN": DOMAIN,
            "BENCH_USERS": str(USERS),
        }
        with Path(name, "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, ROOT / "bench" / "profiles.py"], env=environment, stderr=log
            )
        try:
            wait_until(lambda: answers(port))
            yield port
        finally:
            process.terminate()
            process.wait()


@contextmanager
def postfix(settings: dict[str, str]) -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="postfix-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        limits = {
            "smtpd_client_connection_count_limit": "0",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
        }
        running = run_postfix(folder, {**limits, **settings})
        try:
            yield running.address[1]
        finally:
            running.stop()


def wait_until(true: Callable[[], bool], patience_s: float = 20.0) -> None:
    until_s = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > until_s:
            raise TimeoutError("the server does not answer")
        time.sleep(0.05)


def answers(port: int) -> bool:
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


if __name__ == "__main__":
    main()
