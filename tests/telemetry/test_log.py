"""The log: one JSON object a line, whatever a client has said, and no secret."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.telemetry import events
from clement.telemetry.log import VALUE_MAX_CHARS, Log, escaped, tamed
from clement.telemetry.pace import KEYS_MAX, Pace

log = Log("test")


def logged(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    log.warning(events.RECORDER_BEHIND, lag_bytes=7)
    (line,) = logged(capfd)
    assert line.pop("at")
    assert line == {"event": "recorder-behind", "level": "warning", "part": "test", "lag_bytes": 7}


def test_case_136_hostile_text_can_neither_forge_a_line_nor_move_a_cursor(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log.info("x", hello='a\r\n{"event":"forged"}\x1b[2J\x9b1m\u202e\u2028\udc80\0')
    raw = capfd.readouterr().err
    assert raw.count("\n") == 1
    assert raw.strip().isprintable()
    assert "\\x1b" in json.loads(raw)["hello"]


@given(st.text(alphabet=st.characters()))
def test_any_text_becomes_printable_and_bounded(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    assert len(shown) <= 10 * VALUE_MAX_CHARS + 10
    shown.encode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_becomes_json(value: object) -> None:
    json.dumps(tamed(value)).encode()


def test_case_117_values_are_bounded(capfd: pytest.CaptureFixture[str]) -> None:
    log.info("x", subject="a" * 1_000_000, many=["b" * 1000] * 1000, octets=b"\xff" * 100_000)
    assert len(capfd.readouterr().err) < 60_000


def test_secrets_are_never_shown(capfd: pytest.CaptureFixture[str]) -> None:
    log.error(
        "x", password="geheim1", api_token="geheim2", login={"Client-Secret": "geheim3", "name": "anna"}
    )
    raw = capfd.readouterr().err
    assert "geheim" not in raw
    assert "anna" in raw


def test_an_exception_is_shown_by_its_kind_and_text(capfd: pytest.CaptureFixture[str]) -> None:
    log.error("x", error=OSError(28, "No space\nleft"))
    assert logged(capfd)[0]["error"] == "OSError: [Errno 28] No space\\nleft"


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    program = (
        "import os; os.close(2); from clement.telemetry.log import Log; Log('x').error('y'); print('on')"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"on\n"


@pytest.mark.parametrize(("named", "begins"), [("its own", b"<3>{"), ("another", b"{")])
def test_journald_is_told_the_priority_and_nobody_else(tmp_path: Path, named: str, begins: bytes) -> None:
    program = "from clement.telemetry.log import Log; Log('x').error('y')"
    with (tmp_path / "stderr").open("w+b") as stderr:
        status = os.fstat(stderr.fileno())
        stream = f"{status.st_dev}:{status.st_ino if named == 'its own' else status.st_ino + 1}"
        environment = {**os.environ, "JOURNAL_STREAM": stream}
        subprocess.run([sys.executable, "-c", program], stderr=stderr, env=environment, check=True)
        stderr.seek(0)
        assert stderr.read().startswith(begins)


def test_structlog_is_imported_with_the_first_event_only() -> None:
    program = "import sys, clement.telemetry.log; sys.exit('structlog' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_event_is_described_and_named_by_the_rules() -> None:
    assert events.DESCRIBED
    for name, description in events.DESCRIBED.items():
        assert name == name.lower()
        assert " " not in name
        assert description[0].isupper() or description.startswith("clamd "), "clamd is a program's name"


def test_a_thing_is_said_again_after_a_while_only() -> None:
    at_s = [0.0]
    pace = Pace(60, lambda: at_s[0])
    said = []
    for second in range(0, 200, 10):
        at_s[0] = float(second)
        if pace.due("disk"):
            said.append(second)
        assert pace.due(f"other {second}")
    assert [after - before for before, after in pairwise(said)] == [60, 60, 60]
    pace.over("disk")
    assert pace.due("disk")


def test_the_pace_remembers_a_bounded_number_of_things() -> None:
    pace = Pace()
    for number in range(3 * KEYS_MAX):
        pace.due(str(number))
    assert len(pace._said_at_s) <= KEYS_MAX


def test_a_fault_is_told_with_where_it_came_from(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("hostile\x1b[2J")
    except ValueError:
        log.error("x", exc_info=True)  # noqa: G201 - a Log has no other way
        log.error("y", exc_info=False)  # noqa: TRY400
    told, untold = logged(capfd)
    assert told["trace"][0].startswith("Traceback")  # type: ignore[index]
    assert told["trace"][-1] == "ValueError: hostile\\x1b[2J"  # type: ignore[index]
    assert "trace" not in untold
    assert "exc_info" not in told | untold
