"""The pages that are written by the program are those that the program would write now."""

from __future__ import annotations

import pytest

from scripts import command_pages, settings_page


@pytest.mark.parametrize("name", ["cli.md", "clement.1"])
def test_command_pages_are_current(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    written = (command_pages.DOCS / name).read_text("utf-8")
    assert written == command_pages.pages()[name], "run `make docs`"


def test_the_settings_page_is_current() -> None:
    written = (command_pages.DOCS / "settings.md").read_text("utf-8")
    assert written == settings_page.page(), "run `make docs`"


def test_every_verb_teaches_by_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for verb in command_pages.verbs():
        assert verb.examples, verb.words
        assert all(verb.words in example for example in verb.examples), verb.words
        assert all(purpose for _written, purpose in verb.parameters), verb.words
