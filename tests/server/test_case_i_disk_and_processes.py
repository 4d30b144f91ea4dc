"""Hostile cases 120 to 128 as a client meets them: full disks, dead processes, signals, configuration."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.fixtures.clement import CLEMENT
from tests.fixtures.programs import choose_port, has_ended, wait_until
from tests.server.house import Builder, House, still_serves
from tests.server.talk import Gone, message

ANNA = "anna@local.example"
BODY = ("x" * 70 + "\r\n") * 3000


@contextmanager
def limited(house: House, kind: int, most: int) -> Iterator[None]:
    """The receiver under a resource limit, for a while."""
    pid = house.process("receiver-0")
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (most, before[1]))
    yield
    resource.prlimit(pid, kind, before)


def test_case_120_files_may_not_grow(build: Builder) -> None:
    """EFBIG stands for whatever a disk may say while content is written."""
    house = build()
    with house.client() as client:
        client.envelope(ANNA)
        with limited(house, resource.RLIMIT_FSIZE, 100_000):
            answer = client.content(message("case-120", BODY))
        assert answer.codes in ("451 4.3.0", "452 4.3.1")
        assert house.stored() == []
        house.wait_until_tidy()
        client.envelope(ANNA)
        assert client.content(message("case-120-after", BODY)).code == 250
    assert len(house.stored()) == 1


def test_case_120_the_disk_is_full(build: Builder, short_folder: Path) -> None:
    mail = short_folder / "small-disk"
    mail.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=5000", "clement", mail],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("may not mount a small file system")
    try:
        house = build(tables={"store": {"mail_root": str(mail)}, "spool": {"free_space_bytes": 1}})
        with house.client() as client:
            answers = []
            for number in range(8):
                client.envelope(ANNA)
                answers.append(client.content(message(f"case-120-{number}", BODY)).codes)
            assert answers[0] == "250 2.0.0"
            assert set(answers) <= {"250 2.0.0", "452 4.3.1"}
            assert answers[-1] == "452 4.3.1"
            stored = sorted(mail.glob("*/*/new/*"))
            assert len(stored) == answers.count("250 2.0.0")
            wait_until(lambda: not list(mail.glob("*/*/tmp/*")), "nothing is left behind")
            stored[0].unlink()
            client.envelope(ANNA)
            assert client.content(message("case-120-room", BODY)).code == 250
        house.program.stop()
    finally:
        subprocess.run(["umount", "-l", mail], check=False)


def test_case_120_no_descriptors_are_left(build: Builder) -> None:
    house = build()
    pid = house.process("receiver-0")
    with house.client() as client:
        used = {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
        lowest_free = next(number for number in count() if number not in used)
        with limited(house, resource.RLIMIT_NOFILE, lowest_free):
            client.envelope(ANNA)
            answer = client.content(message("case-120-emfile", BODY))
            assert answer.codes in ("451 4.3.0", "451 4.7.1", "452 4.3.1")
        assert house.stored() == []
        client.envelope(ANNA)
        assert client.content(message("case-120-emfile-after")).code == 250
    still_serves(house)
    assert house.process("receiver-0") == pid


def test_case_121_too_little_room_is_said_at_mail(build: Builder) -> None:
    house = build(tables={"spool": {"free_space_bytes": 1 << 60}})
    with house.client() as client:
        assert client.ask("MAIL FROM:<a@sender.example>").codes == "452 4.3.1"
        assert client.ask("NOOP").code == 250


def test_case_122_a_receiver_is_killed_in_the_middle(build: Builder) -> None:
    """Every point at which it may be killed is in the crash matrices of delivery; here the house goes on."""
    house = build()
    with house.client() as client:
        client.envelope(ANNA)
        client.ask("DATA")
        client.send(message("case-122", BODY))
        os.kill(house.process("receiver-0"), signal.SIGKILL)
        with pytest.raises((Gone, ConnectionError)):
            client.answer()
    wait_until(lambda: len(house.events("process-restarts")) == 1, "said that it starts again")
    still_serves(house)
    assert house.stored() == []


def test_case_124_told_to_stop_while_content_arrives(build: Builder) -> None:
    house = build()
    idle = house.client()
    with house.client(source="127.0.0.3") as client:
        client.envelope(ANNA)
        client.ask("DATA")
        client.send(message("case-124"))
        house.program.send(signal.SIGTERM)
        assert [answer.codes for answer in idle.rest()] == ["421 4.3.2"], "who does nothing is sent away"
        client.send(b"still coming\r\n.\r\n")
        client.expect("250")
        assert [answer.codes for answer in client.rest()] == ["421 4.3.2"]
    wait_until(lambda: not house.program.running, "ended")
    assert house.program.exit_code == 0
    assert len(house.stored()) == 1
    assert house.rows("SELECT count(*) FROM clement_transaction WHERE subject = 'case-124'") == [(1,)]


def test_case_124_those_who_dawdle_are_not_waited_for(build: Builder) -> None:
    house = build(tables={"limits": {"drain_timeout_s": 1}})
    with house.client() as client:
        client.envelope(ANNA)
        client.ask("DATA")
        client.send(message("case-124-late"))
        house.program.send(signal.SIGTERM)
        assert [answer.codes for answer in client.rest()] == ["421 4.3.2"]
    wait_until(lambda: not house.program.running, "ended")
    assert house.stored() == []


@pytest.mark.parametrize("process", ["checker-0", "web", "recorder"])
def test_case_126_another_process_dies(build: Builder, process: str) -> None:
    house = build()
    pid, receiver = house.process(process), house.process("receiver-0")
    with house.client() as client:
        client.envelope(ANNA)
        os.kill(pid, signal.SIGKILL)
        assert client.content(message("case-126")).code == 250
        wait_until(lambda: house.process(process) != pid, "started again")
        client.envelope(ANNA)
        # A header this large is read by a checker.
        large = "".join(f"X-{number}: {'x' * 60}\r\n" for number in range(1000)).encode()
        assert client.content(large + message("case-126-large")).code == 250
    assert house.process("receiver-0") == receiver
    house.wait_for_rows(lambda rows: len(rows) == 2, "SELECT 1 FROM clement_transaction")


def test_case_126_what_dies_again_and_again_waits_longer(build: Builder) -> None:
    house = build()
    for turn in range(1, 4):
        pid = house.process("web")
        os.kill(pid, signal.SIGKILL)
        wait_until(partial(_replaced, house, pid), f"started again, turn {turn}")
    pauses = [line["pause_s"] for line in house.events("process-restarts")]
    assert pauses == sorted(pauses)
    assert pauses[-1] > pauses[0]


def _replaced(house: House, pid: int) -> bool:
    return house.process("web") != pid


def test_case_126_nothing_outlives_the_supervisor(build: Builder) -> None:
    house = build()
    house.process("web")  # the last that is started
    children = [line["pid"] for line in house.events("process-started")]
    assert len(children) >= 7
    house.program.kill()
    wait_until(lambda: all(has_ended(pid) for pid in children), "all ended")
    house.start_again()
    still_serves(house)


def test_case_127_files_of_crashes_are_swept_when_they_are_old(build: Builder) -> None:
    house = build()
    house.program.stop()
    staging = house.folder / "spool" / "staging"
    old, young = staging / "old", staging / "young"
    for path, age_s in ((old, 37 * 3600), (young, 3600)):
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age_s,) * 2)
    house.start_again()
    wait_until(lambda: not old.exists(), "swept")
    assert young.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [("[limits]", "[limitz]"), ("recipients = 100", 'recipients = "many"'), ("certificate.pem", "none.pem")],
)
def test_case_128_a_broken_configuration_is_not_served(
    template: Path, build: Builder, short_folder: Path, old: str, new: str
) -> None:
    config = short_folder / "clement.toml"
    text = build.configuration({"mx": choose_port()}, {"tls": {"key": str(template / "tls" / "key.pem")}})
    config.write_text(text.replace('"tls/cert', f'"{template}/tls/cert').replace(old, new))
    done = subprocess.run(
        [CLEMENT, "serve", "--config", config], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 78
    assert "clement.toml:" in done.stderr
