"""Messages of files as lessons: one by one, out of a Maildir, an mbox, a folder, or an index with labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from clement.cli.exit_codes import ExitCode, Failure, unreadable
from clement.cli.simulate import with_crlf
from clement.message.grammar import examine
from clement.message.headers import MAX_HEADER_BYTES
from clement.policy.lesson import Lesson, Way
from clement.policy.study import ContentStudy
from clement.server.study import study

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one message; a longer one is left out."""
LABELS: Final = {"spam": True, "unwanted": True, "ham": False, "wanted": False}


class Specimen(NamedTuple):
    """A message to be read. name: for people. octets: None when it cannot be read, or is too large."""

    name: str
    octets: Callable[[], bytes | None]
    unwanted: bool


class Unreadable(Exception):
    """There is nothing to learn in it; the message says why."""


def lesson_of(octets: bytes, key: bytes, way: Way, *, unwanted: bool) -> Lesson:
    """What is taught of a message. Raises Unreadable.

    octets: with the line ends of SMTP or of a file. key: what this site hashes features with.
    """
    return lesson_from(octets, lambda content: study(content, key), way, unwanted=unwanted)


def lesson_from(
    octets: bytes, read: Callable[[bytes], ContentStudy | None], way: Way, *, unwanted: bool
) -> Lesson:
    """The same, with what `read` finds in it."""
    if not octets or octets.isspace():
        raise Unreadable("it is empty")
    content = with_crlf(octets)
    found = read(content)
    if found is None or not found.features.hashes:
        raise Unreadable("nothing in it can be learned")
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    header = content[: end + 2] if end >= 0 else content[:MAX_HEADER_BYTES]
    return Lesson(
        way=way,
        unwanted=unwanted,
        features=found.features.hashes,
        message_id=examine(header).message_id,
        body_hash=found.body_hash,
    )


def specimens(path: Path, *, unwanted: bool | None, root: Path | None = None) -> list[Specimen]:
    """All messages at a path, in an order that stays the same. Raises Failure.

    unwanted: of all of them; None: `path` is an index that tells. root: where its paths begin.
    """
    try:
        if unwanted is None:
            return list(_of_index(path, root or path.parent))
        if path.is_dir():
            return [_of_file(file, unwanted) for file in _files(path)]
        with path.open("rb") as file:
            if file.read(5) == b"From ":
                return list(_of_mbox(path, unwanted))
    except OSError as error:
        raise unreadable(path, error) from None
    return [_of_file(path, unwanted)]


def _files(folder: Path) -> Iterator[Path]:
    """The messages of a Maildir, or all files of a folder and below; none that is hidden or half written."""
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        for part in ("cur", "new"):
            yield from sorted(each for each in (folder / part).iterdir() if each.name[:1] != ".")
        return
    for each in sorted(folder.rglob("*")):
        hidden = any(step.startswith(".") for step in each.relative_to(folder).parts)
        if not hidden and each.is_file():
            yield each


def _of_file(path: Path, unwanted: bool, name: str = "") -> Specimen:
    def read() -> bytes | None:
        try:
            if path.stat().st_size > MOST_BYTES:
                return None
            return path.read_bytes()
        except OSError:
            return None

    return Specimen(name or str(path), read, unwanted)


def _of_index(index: Path, root: Path) -> Iterator[Specimen]:
    """Lines `label path`; whatever follows is not looked at."""
    for number, line in enumerate(index.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) < 2 or words[0].lower() not in LABELS:
            labels = ", ".join(LABELS)
            what = f"expected a label ({labels}) and a path; for a mailbox say --spam or --ham"
            raise Failure(ExitCode.USAGE, f"{index}:{number}: {what}")
        path = root / words[1]
        yield _of_file(path, LABELS[words[0].lower()], words[1])


def _of_mbox(path: Path, unwanted: bool) -> Iterator[Specimen]:
    """The messages between lines that begin with "From " behind an empty one (RFC 4155)."""
    with path.open("rb") as file:
        start = offset = 0
        behind_empty = True
        number = 0
        for line in file:
            if behind_empty and line.startswith(b"From "):
                if number:
                    yield _of_range(path, start, offset, number, unwanted)
                start, number = offset + len(line), number + 1
            behind_empty = line in (b"\n", b"\r\n")
            offset += len(line)
        yield _of_range(path, start, offset, number, unwanted)


def _of_range(path: Path, start: int, end: int, number: int, unwanted: bool) -> Specimen:
    def read() -> bytes | None:
        if end - start > MOST_BYTES:
            return None
        try:
            with path.open("rb") as file:
                file.seek(start)
                octets = file.read(end - start)
        except OSError:
            return None
        # An empty line ends each message (RFC 4155); ">From " was quoted so that it begins none (mboxrd).
        lines = octets.removesuffix(b"\n").split(b"\n")
        return b"\n".join(
            line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line
            for line in lines
        )

    return Specimen(f"{path} #{number}", read, unwanted)
