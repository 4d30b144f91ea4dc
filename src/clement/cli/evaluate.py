"""`clement evaluate`: how well the filter would learn a corpus; the site's own model is not touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import JsonOption

if TYPE_CHECKING:
    from clement.learn.corpus import Corpus, Entry
    from clement.learn.evaluation import Report
    from clement.learn.figures import Figures


def evaluate(
    index: Annotated[
        Path,
        typer.Argument(help="Lines of `label path`, label being ham or spam.", show_default=False),
    ],
    root: Annotated[
        Path | None,
        typer.Option(
            help="Folder or tar archive of the paths; by default what lies beside the index.",
            show_default=False,
        ),
    ] = None,
    warm_up: Annotated[
        int, typer.Option("--warm-up", help="Messages after which figures are given anew.", min=0)
    ] = 500,
    threshold: Annotated[
        float, typer.Option(help="Log-odds from which on a message counts as unwanted.")
    ] = 1.6,
    key: Annotated[
        str, typer.Option(help="Key of the hash: figures differ a little with it.")
    ] = "evaluation",
    json: JsonOption = False,
) -> None:
    """Judge each message of a labelled corpus, then learn it, in the order of the index.

    Needs no configuration and no database. A line may end in to=NAME: whose judgement the label is.

    Examples:
    clement evaluate corpus/index --warm-up 500
    clement evaluate index --root corpus.tar.xz --json
    """
    import gc
    import time

    from clement.cli.terminal import print_json
    from clement.learn.corpus import Corpus, CorpusError, read_index
    from clement.learn.evaluation import report

    gc.enable()
    try:
        entries = read_index(index)
        began_s = time.monotonic()
        log_odds = _run(Corpus(index, entries, root), entries, key.encode())
    except CorpusError as error:
        raise Failure(ExitCode.NEGATIVE, str(error)) from None
    per_second = len(entries) / max(1e-9, time.monotonic() - began_s)
    result = report(log_odds, [entry.unwanted for entry in entries], warm_up, threshold)
    if json:
        from clement.cli.terminal import as_objects

        print_json([{"messages_per_second": round(per_second, 1), **_dict(as_objects(result))}])
    else:
        _tell(result, per_second)


def _dict(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def _run(corpus: Corpus, entries: list[Entry], key: bytes) -> list[float]:
    from clement.cli.terminal import progress
    from clement.learn.evaluation import Example, features_of, judged
    from clement.learn.trainer import Trainer

    with progress() as bar:
        task = bar.add_task("evaluate", total=len(entries))
        examples = (
            Example(
                features_of(corpus.message(entry), key),
                entry.unwanted,
                (f"m:{entry.recipient}",) if entry.recipient else (),
            )
            for entry in entries
        )
        log_odds = []
        for score in judged(examples, Trainer(key)):
            log_odds.append(score)
            bar.advance(task)
    return log_odds


def _tell(result: Report, per_second: float) -> None:
    from clement.cli.terminal import print_facts, say

    odds = f"log-odds {result.threshold:g}"
    for title, found in (("all", result.all), (f"after {result.warm_up}", result.after)):
        say(f"{title}: {found.ham} ham, {found.spam} spam; threshold {odds}")
        print_facts(_facts(found))
        say()
    say(f"how often mail was unwanted, after {result.warm_up}")
    for band in result.bands:
        say(
            f"  said {band.low:4.0%} to {band.high:4.0%}: {band.messages:6} messages, "
            f"said {band.said:6.1%} on average, were {band.unwanted:6.1%}"
        )
    say()
    say(f"{per_second:.0f} messages a second")


def _facts(found: Figures) -> list[tuple[str, str]]:
    return [
        ("  ham lost", _of(found.ham_lost, found.ham_lost_percent)),
        ("  spam missed", _of(found.spam_missed, found.spam_missed_percent)),
        ("  1-ROCA %", _number(found.roca_percent, 4)),
        ("  spam missed at 0.1 % ham lost", _number(found.missed_at_01_percent, 2, " %")),
        ("  spam missed at 1 % ham lost", _number(found.missed_at_1_percent, 2, " %")),
    ]


def _of(count: int, percent: float | None) -> str:
    return f"{count} ({_number(percent, 2, ' %')})"


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{digits}f}{unit}"
