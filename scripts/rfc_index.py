"""Write docs/rfc-index.md: for every section of an RFC that the code or a test names, where it does.

.venv/bin/python -m scripts.rfc_index [--check]

A place is a file and the function or class in it, never a line, so that the page changes only when a
reference does.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "rfc-index.md"

# "RFC 5321 §4.1.4", "RFC 5321 §4.5.3.1.1-3", "RFC 5321 §4.1.2, §4.1.3"; a bare "RFC 7505" is the whole of it.
REFERENCE = re.compile(r"RFC (\d{3,5})((?:(?:,| and)? ?§ ?[0-9A-Z][0-9.]*)*)")
SECTION = re.compile(r"§ ?([0-9A-Z][0-9.]*)")

HEAD = """\
# RFC index

Where the code and its tests name an RFC. `make docs` writes this page.
"""

Place = tuple[str, str]
Section = tuple[int, ...] | tuple[()]


def symbols(source: str) -> list[tuple[int, int, str]]:
    """(first line, last line, dotted name) of every function and class, outer ones first."""
    found: list[tuple[int, int, str]] = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}{child.name}"
                first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
                found.append((first, child.end_lineno or first, name))
                visit(child, f"{name}.")
            else:
                visit(child, prefix)

    visit(ast.parse(source), "")
    return found


def references(text: str) -> Iterator[tuple[int, str]]:
    """(RFC, section) of every reference in a line; section "" for the RFC as a whole."""
    for rfc, sections in REFERENCE.findall(text):
        numbers = [section.rstrip(".") for section in SECTION.findall(sections)]
        for section in numbers or [""]:
            yield int(rfc), section


def places() -> dict[tuple[int, str], set[Place]]:
    """Where each section is named."""
    found: dict[tuple[int, str], set[Place]] = defaultdict(set)
    for folder in ("src", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            if "RFC " not in source:
                continue
            inside = symbols(source)
            for number, line in enumerate(source.splitlines(), 1):
                for reference in references(line):
                    around = [name for first, last, name in inside if first <= number <= last]
                    found[reference].add((path.relative_to(ROOT).as_posix(), around[-1] if around else ""))
    return found


def order(section: str) -> list[tuple[int, str]]:
    """Sections as people count them: 4.5.3 before 4.5.10, numbers before appendices."""
    return [(int(step), "") if step.isdigit() else (1 << 30, step) for step in section.split(".")]


def page() -> str:
    """The whole page."""
    found = places()
    lines = [HEAD]
    for rfc in sorted({rfc for rfc, _section in found}):
        lines += [f"## RFC {rfc}\n", "| Section | Code | Tests |", "|---|---|---|"]
        for section in sorted((each for number, each in found if number == rfc), key=order):
            here = sorted(found[rfc, section])
            code = [place for place in here if place[0].startswith("src/")]
            tests = [place for place in here if place[0].startswith("tests/")]
            lines.append(f"| {f'§{section}' if section else 'as a whole'} | {cell(code)} | {cell(tests)} |")
        lines.append("")
    return "\n".join(lines)


def cell(here: list[Place]) -> str:
    """`[path](link): symbol, symbol` for each file, a line each."""
    files: dict[str, list[str]] = {}
    for path, name in here:
        files.setdefault(path, [])
        if name:
            files[path].append(f"`{name}`")
    shown = []
    for path, names in files.items():
        short = path.removeprefix("src/clement/").removeprefix("tests/")
        shown.append(f"[{short}](../{path})" + (f": {', '.join(names)}" if names else ""))
    return "<br>".join(shown)


if __name__ == "__main__":
    fresh = page()
    current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if "--check" in sys.argv:
        if fresh != current:
            print("docs/rfc-index.md is not up to date: make docs", file=sys.stderr)
        sys.exit(fresh != current)
    PAGE.write_text(fresh, encoding="utf-8")
