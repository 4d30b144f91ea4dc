"""How fast the recorder's batches reach SQL, on each database that is installed here.

Each message is a session with a transcript of 8 exchanges, a transaction and one recipient.
The servers are thrown away afterwards and keep their promises about disks: fsync is on.

    .venv/bin/python bench/recorder_rate.py [MESSAGES [MESSAGES-A-BATCH]] [--profile] [--only ENGINE]
"""

import argparse
import cProfile
import os
import pstats
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from clement.journal.records import (
    Exchange,
    FindingNote,
    Outcome,
    RecipientRecord,
    Record,
    SessionRecord,
    TransactionRecord,
)
from clement.store.database import DatabaseSettings, Engine, connect, disconnect

START_TIMEOUT_S = 30
CLIENTS = 5000
SENDERS = 20_000
DOMAINS = 40
MAILBOXES = 2000


def exchanges(number: int) -> tuple[Exchange, ...]:
    def note(check: str, detail: str = "") -> FindingNote:
        return FindingNote(check, "pass", "", detail, 17 + number % 100)

    extensions = "250-PIPELINING\n250-SIZE 52428800\n250-8BITMIME\n250-SMTPUTF8\n250 ENHANCEDSTATUSCODES"
    told = (
        ("", "220 mx.local.example ESMTP Clement", (note("network"),)),
        (f"EHLO mail{number % CLIENTS}.far.example", f"250-mx.local.example\n{extensions}", (note("hello"),)),
        ("STARTTLS", "220 2.0.0 Ready to start TLS", ()),
        (f"EHLO mail{number % CLIENTS}.far.example", f"250-mx.local.example\n{extensions}", (note("hello"),)),
        (f"MAIL FROM:<s{number % SENDERS}@far.example> SIZE=10240", "250 2.1.0 Sender OK", (note("sender"),)),
        (f"RCPT TO:<u{number % MAILBOXES}@local.example>", "250 2.1.5 Recipient OK", (note("recipient"),)),
        ("DATA", "354 Start mail input; end with <CRLF>.<CRLF>", ()),
        (
            "<content>",
            f"250 2.0.0 OK {number:020x}-1",
            (note("grammar"), note("virus", "clean"), note("loops")),
        ),
    )
    return tuple(Exchange(1000 * at, 310, *one) for at, one in enumerate(told))


def records_of(number: int, start_s: float) -> tuple[Record, Record]:
    session_id = f"{number:020x}"
    at_s = start_s + number / 1000
    recipient = RecipientRecord(
        address=f"u{number % MAILBOXES}@d{number % DOMAINS}.example",
        outcome=Outcome.ACCEPTED,
        reason="accepted",
        reply="250 2.1.5 Recipient OK",
        group_id=1 + number % 4,
        domain_id=1 + number % DOMAINS,
        mailbox_ids=(1 + number % MAILBOXES,),
    )
    transaction = TransactionRecord(
        id=f"{session_id}-1",
        session_id=session_id,
        at_s=at_s,
        reverse_path=f"s{number % SENDERS}@far.example",
        outcome=Outcome.ACCEPTED,
        reason="accepted",
        reply=f"250 2.0.0 OK {session_id}-1",
        recipients=(recipient,),
        size_bytes=10240,
        message_id=f"<{number}.17@far.example>",
        author=f"s{number % SENDERS}@far.example",
        subject=f"Message number {number} of the bench",
    )
    session = SessionRecord(
        id=session_id,
        node="bench",
        service="mx",
        started_at_s=at_s,
        duration_us=48_000,
        client_address=f"192.0.{number % CLIENTS >> 8}.{number % 251}",
        client_port=40_000,
        outcome=Outcome.ACCEPTED,
        reason="accepted",
        ending="quit",
        hello=f"mail{number % CLIENTS}.far.example",
        tls="TLSv1.3",
        transaction_count=1,
        bytes_received=10_600,
        bytes_sent=700,
        transcript=exchanges(number),
    )
    return transaction, session


def measure(messages: int, at_once: int, *, profile: bool) -> None:
    from clement.store.log_writer import SqlLogWriter
    from clement.store.schema import migrate

    migrate()
    writer = SqlLogWriter("bench")
    started_s = time.time()
    wall_s = cpu_s = 0.0
    profiler = cProfile.Profile()
    for first in range(0, messages, at_once):
        numbers = range(first, min(first + at_once, messages))
        records = [record for number in numbers for record in records_of(number, started_s)]
        before = time.perf_counter(), time.process_time()
        if profile:
            profiler.enable()
        writer.write(records, {"0001": first + at_once})
        profiler.disable()
        wall_s += time.perf_counter() - before[0]
        cpu_s += time.process_time() - before[1]
    print(
        f"  {messages / wall_s:8.0f} messages/s   {wall_s / messages * 1e6:6.1f} µs each,"
        f" of which {cpu_s / messages * 1e6:5.1f} µs CPU of this process"
    )
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(18)


@contextmanager
def sqlite(folder: Path) -> Iterator[DatabaseSettings]:
    yield DatabaseSettings(path=str(folder / "bench.sqlite3"))


@contextmanager
def postgresql(folder: Path) -> Iterator[DatabaseSettings]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    rules = ["--auth=trust", "--username=clement", "--encoding=UTF8", "--locale=C.UTF-8"]
    run_as("postgres", [programs / "initdb", "-D", folder / "data", *rules], folder).wait()
    argv = [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="]
    with server(run_as("postgres", argv, folder), folder / ".s.PGSQL.5432"):
        yield DatabaseSettings(engine=Engine.POSTGRESQL, name="postgres", socket=str(folder), user="clement")


@contextmanager
def mariadb(folder: Path) -> Iterator[DatabaseSettings]:
    import pymysql

    place = ["--no-defaults", f"--datadir={folder}/data"]
    install = ["mariadb-install-db", *place, "--auth-root-authentication-method=normal", "--skip-test-db"]
    run_as("mysql", install, folder).wait()
    socket = folder / "my.sock"
    daemon = shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
    argv = [daemon, *place, f"--socket={socket}", f"--pid-file={folder}/my.pid", "--skip-networking"]
    with server(run_as("mysql", argv, folder), socket):
        with pymysql.connect(unix_socket=str(socket), user="root") as connection:
            connection.cursor().execute("CREATE DATABASE clement")
        yield DatabaseSettings(engine=Engine.MARIADB, socket=str(socket), user="root")


def run_as(user: str, argv: Sequence[object], folder: Path) -> subprocess.Popen[bytes]:
    leash = ["setpriv", "--pdeathsig", "TERM"]
    if os.geteuid() == 0:
        shutil.chown(folder, user, user)
        leash += ["--reuid", user, "--regid", user, "--init-groups"]
    with (folder / "output").open("ab") as output:
        return subprocess.Popen([*leash, *map(str, argv)], stdout=output, stderr=output, cwd=folder)


@contextmanager
def server(process: subprocess.Popen[bytes], socket: Path) -> Iterator[None]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the server did not start: {(socket.parent / 'output').read_text()[-800:]}")
        time.sleep(0.1)
    time.sleep(0.5)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


MISSING: dict[str, Callable[[], bool]] = {
    "sqlite": lambda: False,
    "postgresql": lambda: not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
    "mariadb": lambda: shutil.which("mariadbd", path="/usr/sbin:/usr/bin") is None,
}
OPENED = {"sqlite": sqlite, "postgresql": postgresql, "mariadb": mariadb}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("messages", nargs="?", type=int, default=20_000)
    parser.add_argument("at_once", nargs="?", type=int, default=250)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--only", choices=OPENED)
    asked = parser.parse_args()
    for name in [asked.only] if asked.only else OPENED:
        if MISSING[name]():
            print(f"{name}: not installed")
            continue
        print(f"{name}: {asked.messages} messages, {asked.at_once} a batch")
        folder = Path(tempfile.mkdtemp(prefix="clement-bench-"))
        try:
            with OPENED[name](folder) as database:
                connect(database)
                measure(asked.messages, asked.at_once, profile=asked.profile)
                disconnect()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
