"""Words, figures and small notations: pure functions behind the verbs."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.cli.exit_codes import Failure
from clement.cli.explanation import explain
from clement.cli.password import make_password
from clement.cli.phrases import expiry_s, moment_s, next_hop_text, next_hops, size_bytes
from clement.cli.reason_words import WORDS, words_of
from clement.cli.simulate import with_crlf
from clement.cli.terminal import as_objects, duration, safe, size
from clement.journal.records import Exchange, FindingNote
from clement.policy.reason import RULES, Reason


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Reason)
    for reason, words in WORDS.items():
        assert words.happened.endswith("."), reason
        assert words.sender or reason is Reason.ACCEPTED, reason


def test_a_reason_of_a_later_version_is_told_as_it_stands() -> None:
    assert "brand-new" in words_of("brand-new").happened


@pytest.mark.parametrize("reason", list(RULES))
def test_what_would_have_changed_a_verdict_follows_from_the_table(reason: Reason) -> None:
    told = explain(about="", outcome="refused", reason=reason, reply="", findings=[], directive=None)
    said = " ".join(told.otherwise)
    assert (RULES[reason].setting in said) if RULES[reason].setting else ("policy" not in said)
    assert ("client's network" in said) is RULES[reason].liftable


@given(st.text())
def test_case_136_nothing_unprintable_reaches_a_terminal(text: str) -> None:
    shown = safe(text, 80)
    assert len(shown) <= 80
    assert not any(
        ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202a\u202e\u2066" for char in shown
    )


@pytest.mark.parametrize(
    ("text", "bytes_"), [("0", 0), ("500MB", 500_000_000), ("2GiB", 2 << 30), ("1.5k", 1500), ("812B", 812)]
)
def test_sizes_as_people_write_them(text: str, bytes_: int) -> None:
    assert size_bytes(text, "--quota") == bytes_


@pytest.mark.parametrize("text", ["2001-01-01", "2027-01-15", "2027-01-15T08:00Z"])
def test_what_has_an_end_ends_later_than_now(text: str) -> None:
    now_s = datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()
    assert expiry_s("never", "--expires", now_s) == 0
    assert expiry_s("2027-01-15T08:01Z", "--expires", now_s) == now_s + 60
    with pytest.raises(Failure, match="--expires: expected a moment that lies ahead"):
        expiry_s(text, "--expires", now_s)


@pytest.mark.parametrize(
    ("bytes_", "text"), [(0, "0 B"), (999, "999 B"), (4200, "4.2 kB"), (37_000_000, "37.0 MB")]
)
def test_sizes_as_people_read_them(bytes_: int, text: str) -> None:
    assert size(bytes_) == text


@pytest.mark.parametrize(
    ("us", "text"), [(850, "850 µs"), (12_340, "12.3 ms"), (4_210_000, "4.21 s"), (125_000_000, "2 min 5 s")]
)
def test_durations(us: int, text: str) -> None:
    assert duration(us) == text


def test_moments() -> None:
    assert moment_s("2h", "--since", 10_000, is_future=False) == 2800
    assert moment_s("7d", "--expires", 0, is_future=True) == 604_800
    assert moment_s("2026-01-01T00:00:00+00:00", "--since", 0, is_future=False) == 1_767_225_600
    with pytest.raises(Failure, match="expected 30min, 2h, 7d, 4w, today, yesterday or a date"):
        moment_s("99999-01-01", "--since", 0, is_future=False)
    with pytest.raises(Failure, match="within a hundred years, found 99999999999w"):
        moment_s("99999999999w", "--expires", 0, is_future=True)


def test_days_begin_at_midnight_of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Zurich")
    time.tzset()
    try:
        # The clocks go back in the night to Sunday, 25 October 2026.
        sunday_noon_s = datetime.fromisoformat("2026-10-25T12:00:00+01:00").timestamp()
        midnight_s = datetime.fromisoformat("2026-10-25T00:00:00+02:00").timestamp()
        assert moment_s("today", "--since", sunday_noon_s, is_future=False) == midnight_s
        assert moment_s("yesterday", "--since", sunday_noon_s, is_future=False) == midnight_s - 86_400
        assert moment_s("tomorrow", "--expires", sunday_noon_s, is_future=True) == midnight_s + 25 * 3600
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("text", "is_future"), [("today", True), ("yesterday", True), ("tomorrow", False)])
def test_no_day_on_the_wrong_side(text: str, *, is_future: bool) -> None:
    with pytest.raises(Failure, match=f"found {text}"):
        moment_s(text, "--at", 1_800_000_000, is_future=is_future)


@pytest.mark.parametrize(
    "text",
    [
        "smtp:mx.example.org:25,priority=10,tls=offered",
        "smtp:[2001:db8::1]:2525,priority=5,tls=required",
        "lmtp:127.0.0.1:24,priority=10,tls=never",
    ],
)
def test_next_hops_are_read_as_they_are_written(text: str) -> None:
    assert next_hop_text(next_hops([text])[0]) == text


def test_passwords_differ() -> None:
    assert len({make_password() for _ in range(100)}) == 100


def test_content_gets_the_line_ends_of_smtp() -> None:
    assert with_crlf(b"a\nb") == b"a\r\nb\r\n"
    assert with_crlf(b"a\r\nb\n") == b"a\r\nb\n\r\n"
    assert with_crlf(b"") == b""


def test_records_are_printed_by_the_names_of_their_fields() -> None:
    exchange = Exchange(1, 2, "NOOP", "OK", (FindingNote("check", "pass", "", "", 3),))
    assert as_objects(exchange) == {
        "at_us": 1,
        "duration_us": 2,
        "command": "NOOP",
        "reply": "OK",
        "findings": [
            {"check": "check", "result": "pass", "reason": "", "detail": "", "duration_us": 3, "weight": 0.0}
        ],
    }


def test_what_would_have_been_taken_at_another_threshold_is_said_with_who_set_this_one() -> None:
    told = explain(
        about="",
        outcome="held",
        reason=Reason.UNWANTED,
        reply="",
        findings=[FindingNote("spf", "fail", "", "not allowed", 3, 1.5)],
        directive=None,
        score=5.31,
        thresholds="tag 3 site, quarantine 4.6 domain, refuse never site",
    )
    assert "with quarantine_at above 5.31: it is 4.6, of the domain" in told.otherwise
    assert told.score == "+5.31; tag 3 site, quarantine 4.6 domain, refuse never site"
    assert told.evidence == ("spf fail +1.5: not allowed",)
