"""The page that shows the states is the one the table gives."""

from scripts.draw_states import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run .venv/bin/python -m scripts.draw_states"
