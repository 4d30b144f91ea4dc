"""Two rules that no linter knows: where reply codes live, and how long a file may be.

1. A reply code with its text, or one that starts a line on the wire, is written in `smtp/replies.py`
   and nowhere else: a reply is a named constant everywhere else.
2. A file longer than 400 lines says why, in a comment that starts with "Long because".
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "clement"
REPLIES = PACKAGE / "smtp" / "replies.py"
MAX_LINES = 400

# RFC 5321 §4.2: Reply-code = %x32-35 %x30-35 %x30-39, then SP, HYPHEN or the end of the line
REPLY_CODE = re.compile(r"[2-5][0-5][0-9](?:[ -]|\Z)")


def constants_outside_docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of every str and bytes literal that is not an expression of its own."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if isinstance(node.value, bytes):
            yield node.lineno, node.value.decode("latin-1")
        elif isinstance(node.value, str):
            yield node.lineno, node.value


def misplaced_reply_codes(path: Path, source: str) -> Iterator[str]:
    for line, text in constants_outside_docstrings(ast.parse(source)):
        if REPLY_CODE.match(text):
            shown = text if len(text) <= 40 else text[:37] + "..."
            yield f"{path.relative_to(ROOT)}:{line}: reply code in {shown!r}: name it in smtp/replies.py"


def unexplained_length(path: Path, source: str) -> Iterator[str]:
    lines = source.count("\n")
    if lines > MAX_LINES and "Long because" not in source:
        yield f'{path.relative_to(ROOT)}: {lines} lines: split it, or say "Long because ..."'


def findings() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if path != REPLIES:
            yield from misplaced_reply_codes(path, source)
        if "migrations" not in path.parts:
            yield from unexplained_length(path, source)


if __name__ == "__main__":
    found = list(findings())
    print("\n".join(found))
    sys.exit(1 if found else 0)
