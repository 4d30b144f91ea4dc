"""A transcript without what concerns others.

One session may carry mail for several tenants. Whoever sees one recipient of it
sees the commands and findings about that recipient and about the client, and
nothing of the other recipients, nor of transactions in which he has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from clement.journal.records import Exchange
from clement.smtp.address import fold_local_part

HIDDEN_TRANSACTION = "(a transaction for others)"
HIDDEN_RECIPIENT = "RCPT TO:<…>"


def redacted(transcript: Sequence[Exchange], addresses: Collection[str]) -> tuple[Exchange, ...]:
    """The transcript as somebody may see it whose addresses these are (normalised)."""
    shown: list[Exchange] = []
    for part in _parts(transcript):
        if not _begins_transaction(part[0]):
            shown.extend(part)
        elif any(_names(exchange, addresses) for exchange in part):
            shown.extend(_without_other_recipients(part, addresses))
        else:
            shown.append(_hidden(part[0], HIDDEN_TRANSACTION))
    return tuple(shown)


def _parts(transcript: Iterable[Exchange]) -> list[list[Exchange]]:
    """What comes before the first MAIL, then each MAIL with what follows it."""
    parts: list[list[Exchange]] = []
    for exchange in transcript:
        if not parts or _begins_transaction(exchange):
            parts.append([])
        parts[-1].append(exchange)
    return parts


def _without_other_recipients(part: Iterable[Exchange], addresses: Collection[str]) -> Iterable[Exchange]:
    for exchange in part:
        if _verb(exchange) == "RCPT" and not _names(exchange, addresses):
            yield _hidden(exchange, HIDDEN_RECIPIENT)
        else:
            yield exchange


def _begins_transaction(exchange: Exchange) -> bool:
    return _verb(exchange) == "MAIL"


def _verb(exchange: Exchange) -> str:
    return exchange.command[:4].upper()


def _names(exchange: Exchange, addresses: Collection[str]) -> bool:
    """Whether this is the RCPT of one of the addresses. Compared as text: what does not match is hidden."""
    if _verb(exchange) != "RCPT":
        return False
    path = fold_local_part(exchange.command.partition("<")[2].partition(">")[0])
    return path in addresses or path.rpartition(":")[2] in addresses


def _hidden(exchange: Exchange, command: str) -> Exchange:
    return Exchange(exchange.at_us, exchange.duration_us, command, exchange.reply[:3])
