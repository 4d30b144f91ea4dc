"""Lines of keys in every form that TOML allows."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from clement.config.locate import KeyPath, key_lines

TEXT = '''\
# a comment
title = "one" # two
a.b = 1
a."c d" = [ # [not.a.header]
  1, "]", # x = 3
  { y = 2 },
]
text = """
z = 1
\\"""
[neither]
"""
raw = \'\'\'
[nor]\'\'\'
[table]
key = 1
[ "quo ted" . inner ]
key = 2
[[many]]
key = 3
[[many]]
key = 4
[many.below]
key = 5
'''


def test_lines_of_all_kinds_of_keys() -> None:
    lines = key_lines(TEXT)
    assert lines == {
        ("title",): 2,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "c d"): 4,
        ("text",): 8,
        ("raw",): 13,
        ("table",): 15,
        ("table", "key"): 16,
        ("quo ted", "inner"): 17,
        ("quo ted", "inner", "key"): 18,
        ("many", 0): 19,
        ("many", 0, "key"): 20,
        ("many", 1): 21,
        ("many", 1, "key"): 22,
        ("many", 1, "below"): 23,
        ("many", 1, "below", "key"): 24,
    }


VALUES = st.sampled_from(
    ["1", '"x"', "'#'", '"""\nk = 1\n"""', "[\n1,\n2\n]", "{ i = 1 }", "'''\n[t]\n'''", "true", '["[", "]"]']
)


@given(st.lists(VALUES, min_size=1, max_size=12), st.data())
def test_every_key_is_found_where_it_was_written(values: list[str], data: st.DataObject) -> None:
    text, expected, line = "", dict[KeyPath, int](), 1
    for number, value in enumerate(values):
        gap = data.draw(st.sampled_from(["", "\n", "# k = 2\n", "\n\n"]))
        line += gap.count("\n")
        expected[f"key{number}",] = line
        text += f"{gap}key{number} = {value}\n"
        line += value.count("\n") + 1
    assert set(tomllib.loads(text)) == {path[0] for path in expected}
    assert key_lines(text) == expected
