"""Files in a body, which some readers show as attachments: written into a text, or in a winmail.dat."""

from __future__ import annotations

from clement.message.mime.defects import MimeDefect
from clement.message.mime.draft import Draft, Source
from clement.message.mime.inlined import inlined_files
from clement.message.mime.names import read_names
from clement.message.mime.tnef import read_tnef


def files_in_text(draft: Draft, index: int, source: Source, span: tuple[int, int]) -> list[Draft]:
    """The files in the text of `draft`, which stands at `span` of `source`; parts of it, each named in it."""
    files = []
    for count, found in enumerate(inlined_files(source.octets, *span), 1):
        draft.defects.add(MimeDefect.YENC if found.encoding == "x-yenc" else MimeDefect.UUENCODE)
        file = Draft(source, f"{draft.number}~u{count}", index, draft.depth + 1)
        file.encoding, file.header, file.body = found.encoding, found.header, found.body
        file.disposition = "attachment"
        file.names = read_names([found.name.decode("latin-1").strip()], file.defects)
        files.append(file)
    return files


def files_in_tnef(draft: Draft, index: int, source: Source) -> list[Draft]:
    """The files, and the plain text, in the decoded winmail.dat that `source` is."""
    draft.defects.add(MimeDefect.TNEF)
    found = read_tnef(source.octets)
    if found is None or not found.whole:
        draft.defects.add(MimeDefect.TNEF_DAMAGED)
    if found is None:
        return []
    files = []
    if found.body != (0, 0):
        text = Draft(source, f"{draft.number}~t0", index, draft.depth + 1)
        text.type, text.header, text.body = "text/plain", (found.body[0], found.body[0]), found.body
        files.append(text)
    for count, each in enumerate(found.files, 1):
        file = Draft(source, f"{draft.number}~t{count}", index, draft.depth + 1)
        file.disposition, file.header, file.body = "attachment", (each.data[0], each.data[0]), each.data
        file.names = read_names([name.encode("utf-8").decode("latin-1") for name in each.names], file.defects)
        files.append(file)
    return files
