"""Write the tables of docs/policy.md and docs/operating.md that the program itself can give.

.venv/bin/python -m scripts.page_tables [--check]

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`; everything else on the page is
written by hand.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from clement.policy.decide import disposition_of
from clement.policy.directory import Fallback, Greylisting, GroupPolicy
from clement.policy.reason import RULES, Disposition, Reason
from clement.policy.verdict import Defer, Drop, Quarantine, Reject
from clement.policy.wording import reply_to
from clement.server.placing import held_reply
from clement.telemetry import events, metrics

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = ("policy.md", "operating.md")
TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

VERDICTS: dict[Disposition, type[Quarantine | Defer | Reject | Drop]] = {
    Disposition.QUARANTINE: Quarantine,
    Disposition.DEFER: Defer,
    Disposition.REJECT: Reject,
    Disposition.DROP: Drop,
}
# Decided where a message is placed; the words are those of the one who placed it.
PLACED = {Reason.NEXT_HOP_REFUSED, Reason.NEXT_HOP_DEFERRED}


def default_disposition(reason: Reason) -> Disposition:
    """What a reason leads to in a group that has set nothing; where it accepts, what it would lead to."""
    found = disposition_of(reason, GroupPolicy())
    return found if found is not Disposition.ACCEPT else RULES[reason].disposition


def answer(reason: Reason) -> str:
    """The reply to a client."""
    if reason in PLACED:
        return "the next hop's own words"
    disposition = default_disposition(reason)
    verdict = VERDICTS[disposition](reason, "…")
    reply = reply_to(verdict, "ID", held_reply("ID"))
    return f"`{reply.code} {reply.enhanced}` {reply.text[0].replace('?', '…').removesuffix(' [ID]')}"


def decided_by(reason: Reason) -> str:
    """The group's setting, if there is one, with what it says by default."""
    name = RULES[reason].setting
    return f"`{name}` = {getattr(GroupPolicy(), name).value}" if name else ""


def reasons() -> Iterator[str]:
    yield "| Reason | Leads to | A recipient may lift it | Group's setting, default | The client is told |"
    yield "|---|---|---|---|---|"
    for reason, rule in RULES.items():
        leads_to = rule.disposition.name.lower() + (", never more" if rule.ours else "")
        liftable = "yes" if rule.liftable else ""
        yield f"| `{reason}` | {leads_to} | {liftable} | {decided_by(reason)} | {answer(reason)} |"


def settings() -> Iterator[str]:
    yield "| Setting | Default | Values |"
    yield "|---|---|---|"
    policy = GroupPolicy()
    for name in policy.__struct_fields__:
        value = getattr(policy, name)
        if isinstance(value, Fallback | Greylisting):
            yield f"| `{name}` | {value.value} | {', '.join(type(value))} |"
        elif isinstance(value, bool):
            yield f"| `{name}` | {str(value).lower()} | true, false |"
        elif value is None:
            yield f"| `{name}` | the site's | a score, 0 for never |"
        elif isinstance(value, str):
            yield f"| `{name}` | {value or 'none'} | text |"
        else:
            yield f"| `{name}` | {value} | a number |"


def log_events() -> Iterator[str]:
    yield "| Event | Means |"
    yield "|---|---|"
    yield from (f"| `{name}` | {meaning} |" for name, meaning in events.DESCRIBED.items())


def metric_names() -> Iterator[str]:
    yield "| Metric | Kind | Means |"
    yield "|---|---|---|"
    for metric in metrics.DESCRIBED.values():
        yield f"| `{metric.name}` | {metric.kind} | {metric.description} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "reasons": reasons,
    "group-settings": settings,
    "log-events": log_events,
    "metrics": metric_names,
}


def renewed(page: str) -> str:
    """The page with its tables as the program gives them now."""
    return TABLE.sub(lambda found: f"{found[1]}{chr(10).join(TABLES[found[2]]())}\n{found[3]}", page)


def stale() -> list[Path]:
    """The pages whose tables are not those of the program."""
    pages = [DOCS / name for name in PAGES]
    return [page for page in pages if renewed(page.read_text("utf-8")) != page.read_text("utf-8")]


if __name__ == "__main__":
    found = stale()
    for each in found:
        if "--check" in sys.argv:
            print(f"docs/{each.name} is not up to date: make docs", file=sys.stderr)
        else:
            each.write_text(renewed(each.read_text("utf-8")), encoding="utf-8")
            print(f"wrote docs/{each.name}")
    sys.exit(1 if found and "--check" in sys.argv else 0)
