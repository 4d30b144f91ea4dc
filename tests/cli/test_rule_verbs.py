"""`clement rule`: add, list, show, change, try, remove; what is wrong is said with its place."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

MESSAGE = (
    "From: A <a@b.example>\nSubject: =?utf-8?q?Big_CASINO?= win\nX-Mailer: BulkBlaster 3\n"
    "Precedence: bulk\n\nwords\n"
)
DOMAIN = ("--for", "domain:local.example")


def test_a_rule_is_made_changed_and_removed(shell: Shell) -> None:
    shell.run("rule", "add", "refuse", "subject", "^big casino", *DOMAIN, "--name", "games", "--note", "x")
    shell.run("rule", "add", "quarantine", "x-mailer", "nothing", "--for", "group:local", "--expires", "7d")
    rows = shell.json("rule", "list")
    assert [(row["name"], row["field"], row["header_name"]) for row in rows] == [
        ("games", "subject", ""),
        ("x-mailer", "header", "x-mailer"),
    ]
    number = str(rows[0]["id"])
    shell.run("rule", "change", number, "--off", "--pattern", "^small")
    (row,) = shell.json("rule", "list", *DOMAIN)
    assert (row["enabled"], row["pattern"], row["note"], row["version"]) == (False, "^small", "x", 2)
    shell.run("rule", "remove", number)
    assert shell.refusal("rule", "show", number, code=3) == f"clement: no rule {number}"


def test_rules_and_patterns_are_tried_on_a_message(shell: Shell) -> None:
    (shell.folder / "mail.eml").write_text(MESSAGE)
    shell.run("rule", "add", "weigh", "Precedence:", "^bulk", "--weight", "1.5", "--for", "site")
    shell.run("rule", "add", "refuse", "body", "^words$", *DOMAIN)
    trials = shell.json("rule", "test", "mail.eml")
    assert [(trial["matches"], trial["found"].strip()) for trial in trials] == [
        (True, "bulk"),
        (True, "words"),
    ]
    shown = shell.run("rule", "test", "-", *DOMAIN, stdin=MESSAGE).stdout
    assert "yes" in shown
    assert "precedence" not in shown
    (trial,) = shell.json("rule", "test", "mail.eml", "--pattern", "^big casino", "--in", "subject")
    assert trial["found"] == "Big CASINO win"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "refuse", "subject", "ca[sino", *DOMAIN), 1, "pattern: at character 3: missing ]"),
        (("add", "refuse", "nowhere", "x", *DOMAIN), 2, "expected subject, author"),
        (("add", "weigh", "subject", "x", *DOMAIN), 1, "weight: log-odds"),
        (("add", "refuse", "subject", "x", "--for", "anna@local.example"), 1, "a group's or a domain's"),
        (("add", "refuse", "subject", "x", "--for", "domain:nobody.example"), 3, "no domain nobody.example"),
        (("test", "clement.toml", "--pattern", "("), 2, "--pattern: missing )"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_said(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in shell.refusal("rule", *words, code=code)


def test_help_shows_a_pattern_as_it_is_typed(shell: Shell) -> None:
    shown = shell.out("rule", "add", "--help")
    assert r"clement rule add refuse subject '^\[casino\]' --for domain:example.org" in shown
    assert r"'\.(iso|img)$'" in shown
