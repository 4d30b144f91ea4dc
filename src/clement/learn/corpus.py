"""Labelled corpora: an index of lines, and messages in a folder or an archive.

    line  =  label SP path [ SP anything ]       label = "spam" / "ham", or "unwanted" / "wanted"

Anything may hold `to=NAME`: whom the message went to, and who says that it is what the label says. Empty
lines and those that begin with # are passed over. Nothing is written anywhere.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

MAX_MESSAGE_BYTES = 200 * 1024 * 1024
LABELS = {"spam": True, "unwanted": True, "ham": False, "wanted": False}


class CorpusError(Exception):
    """An index or a corpus that cannot be read; the text names file and line."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line of an index. path: of the message. line: its number. recipient: "" for nobody special."""

    unwanted: bool
    path: str
    line: int
    recipient: str = ""


def read_index(index: Path) -> list[Entry]:
    """The lines of an index in their order. Raises CorpusError."""
    entries: list[Entry] = []
    try:
        with index.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                words = line.split()
                if not words or words[0].startswith("#"):
                    continue
                entries.append(_entry(words, index, number))
    except OSError as error:
        raise CorpusError(f"{index}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{index}: not UTF-8 text: {error.reason}") from None
    if not entries:
        raise CorpusError(f"{index}: no line names a message")
    return entries


def _entry(words: list[str], index: Path, number: int) -> Entry:
    label = LABELS.get(words[0].lower())
    if label is None:
        raise CorpusError(f"{index}:{number}: expected one of {', '.join(LABELS)}, found {words[0]!r:.40}")
    if len(words) < 2:
        raise CorpusError(f"{index}:{number}: expected the path of a message after {words[0]!r}")
    recipient = next((word[3:] for word in words[2:] if word.startswith("to=")), "")
    return Entry(label, words[1], number, recipient)


class Corpus:
    """Where the messages of an index are. root: a folder, or a tar archive, compressed or not.

    Without a root they lie beside the index, or in the archive `corpus.tar*` there.
    """

    def __init__(self, index: Path, entries: list[Entry], root: Path | None) -> None:
        self._index = index
        self._archived: Mapping[str, bytes] | None = None
        self._folder = root or index.parent
        if root is None and not (self._folder / entries[0].path).exists():
            archives = sorted(self._folder.glob("corpus.tar*"))
            self._folder = archives[0] if archives else self._folder
        if self._folder.is_file():
            self._archived = _unpacked(self._folder, {_plain(entry.path) for entry in entries})
        elif not self._folder.is_dir():
            raise CorpusError(f"{self._folder}: no such folder or archive")

    def message(self, entry: Entry) -> bytes:
        """The octets of a message. Raises CorpusError."""
        where = f"{self._index}:{entry.line}"
        if self._archived is not None:
            octets = self._archived.get(_plain(entry.path))
            if octets is None:
                raise CorpusError(f"{where}: {entry.path}: not in {self._folder}")
            return octets
        try:
            with (self._folder / entry.path).open("rb") as file:
                octets = file.read(MAX_MESSAGE_BYTES + 1)
        except (OSError, ValueError) as error:
            text = error.strerror if isinstance(error, OSError) else "no path"
            raise CorpusError(f"{where}: {self._folder / entry.path}: {text}") from None
        if len(octets) > MAX_MESSAGE_BYTES:
            raise CorpusError(f"{where}: {entry.path}: larger than {MAX_MESSAGE_BYTES} octets")
        return octets


def _plain(path: str) -> str:
    return str(PurePosixPath(path))


def _unpacked(archive: Path, wanted: set[str]) -> dict[str, bytes]:
    """The wanted members of an archive, which is read once from its beginning; nothing is put on the disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r|*") as members:
            for member in members:
                name = _plain(member.name)
                if name in wanted and member.isfile() and member.size <= MAX_MESSAGE_BYTES:
                    file = members.extractfile(member)
                    if file is not None:
                        found[name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise CorpusError(f"{archive}: cannot be read as a tar archive: {error}") from None
    return found
