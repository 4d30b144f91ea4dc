"""The texts of one message in which patterns are sought: decoded, bounded, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from clement.message.encoded_words import decode_words
from clement.message.headers import values_of
from clement.message.text import decoded
from clement.policy.content_rule import Field
from clement.policy.facts import ContentFacts
from clement.policy.rule_book import Place
from clement.policy.study import ContentStudy

MAX_BODY_CHARS: Final = 128 * 1024
MAX_BLOCK_BYTES: Final = 64 * 1024
MAX_LIST_CHARS: Final = 64 * 1024
MAX_VALUE_BYTES: Final = 8 * 1024
MAX_VALUES: Final = 100

_NOTHING: Final = ContentStudy()


class RuleTexts:
    """Reads a message for rules. read: keeps what has been read, for the rules of the next recipient."""

    __slots__ = ("_content", "_texts")

    def __init__(self, content: ContentFacts, read: dict[Place, str] | None = None) -> None:
        self._content = content
        self._texts = {} if read is None else read

    def __call__(self, place: Place) -> str:
        """The text of a field, "" when the message has none."""
        text = self._texts.get(place)
        if text is None:
            text = self._texts[place] = self._read(*place)
        return text

    def _read(self, field: Field, header_name: str) -> str:
        study = self._content.study or _NOTHING
        match field:
            case Field.BODY:
                return _joined((text.text for text in study.reading.texts), MAX_BODY_CHARS)
            case Field.LINK:
                return _joined((link.target for link in study.reading.links), MAX_LIST_CHARS)
            case Field.ATTACHMENT:
                return _joined((attached.path for attached in study.attachments), MAX_LIST_CHARS)
            case Field.HEADER_BLOCK:
                return decoded(self._content.header_block[:MAX_BLOCK_BYTES]).replace("\r\n", "\n")
            case Field.AUTHOR:
                shown = (f"{author.name} <{author.address}>" for author in self._content.message.authors)
                return _joined((*shown, *self._values("from")), MAX_LIST_CHARS)
            case Field.HEADER:
                return _joined(self._values(header_name), MAX_LIST_CHARS)
            case Field.SUBJECT | Field.REPLY_TO:
                return _joined(self._values(field.value), MAX_LIST_CHARS)

    def _values(self, name: str) -> Iterator[str]:
        for value in values_of(self._content.header_block, name.encode())[:MAX_VALUES]:
            yield decode_words(decoded(value[:MAX_VALUE_BYTES]))


def _joined(texts: Iterable[str], limit_chars: int) -> str:
    """A line for each, until there are enough of them."""
    kept: list[str] = []
    room = limit_chars
    for text in texts:
        kept.append(text[:room])
        room -= len(text) + 1
        if room <= 0:
            break
    return "\n".join(kept)
