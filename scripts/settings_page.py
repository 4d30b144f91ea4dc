"""Print docs/settings.md, made of the descriptions beside the settings themselves."""

from collections.abc import Iterator

from clement.config.describe import Description, Section, sections

HEAD = """\
# Settings

Every setting of `clement.toml`. `make docs` writes this page; `clement init` writes the same words into a
new file, and `clement check` says what is wrong with one, line by line.
"""


def cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return text.replace("|", "\\|")


def row(setting: Description) -> str:
    default = "needed" if setting.is_required else f"`{setting.default}`" if setting.default else ""
    return f"| `{setting.name}` | {cell(setting.purpose)} | {cell(setting.expected)} | {cell(default)} |"


def lines(section: Section) -> Iterator[str]:
    yield f"\n## {section.name}\n"
    written = f"`[[{section.name}]]`, once for each" if section.is_repeated else f"`[{section.name}]`"
    yield f"{written}. {section.purpose}\n"
    yield "| Setting | For | Value | Default |"
    yield "|---|---|---|---|"
    yield from map(row, section.settings)


def page() -> str:
    return HEAD + "\n".join(line for section in sections() for line in lines(section)) + "\n"


if __name__ == "__main__":
    print(page(), end="")
