"""`clement group`: sets of domains under one administration and one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.terminal import Column, print_json, print_table
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.policy.directory import NextHop
    from clement.store.records import GroupRow

app = Verbs()

Name = Annotated[str, typer.Argument(help="The group's name.", show_default=False)]
RelayOption = Annotated[
    list[str] | None,
    typer.Option(
        "--relay-to",
        help="Hand mail to this next hop while the client waits: "
        "HOST:PORT[,priority=N][,tls=never|offered|required].",
        metavar="HOP",
        show_default=False,
    ),
]
LmtpOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lmtp-to",
        help="Store through this LMTP server, such as Dovecot: HOST:PORT or the path of a socket.",
        metavar="HOP",
        show_default=False,
    ),
]
PolicyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        help="A policy such as unscannable=refuse; `clement group show` names them all.",
        metavar="NAME=VALUE",
        show_default=False,
    ),
]


@app.verb("add", "Add a group.")
def add(
    name: Name,
    relay_to: RelayOption = None,
    lmtp_to: LmtpOption = None,
    policy: PolicyOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Add a group. Without --relay-to and --lmtp-to its mail is stored here, in Maildirs.

    Examples:
    clement group add family
    clement group add customers --relay-to mail.example.org:25,tls=required --policy unscannable=refuse
    """
    from clement.cli.phrases import group_policy
    from clement.policy.directory import GroupPolicy, Mode, Storage

    hops = _hops(relay_to, lmtp_to)
    with operator(config) as actor:
        from clement.store.actions.group import add_group

        row = add_group(
            actor,
            name,
            mode=Mode.RELAY if relay_to else Mode.STORE,
            storage=Storage.LMTP if lmtp_to else Storage.MAILDIR,
            next_hops=hops,
            policy=group_policy(policy or (), GroupPolicy()),
        )
        _show(row, json=json, change=TakingUp(config, wait=wait))


@app.verb("list", "Show all groups.")
def list_groups(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show all groups.

    Example: clement group list --json
    """
    from clement.cli.phrases import next_hop_text

    with operator(config) as actor:
        from clement.store.access import directory

        rows = directory.groups(actor)
    if json:
        print_json(rows)
        return
    columns: list[Column[GroupRow]] = [
        Column("group", lambda row: row.name),
        Column("mode", lambda row: row.mode.value),
        Column("storage", lambda row: row.storage.value if row.mode == "store" else ""),
        Column("domains", lambda row: str(row.domain_count), is_number=True),
        Column("next hops", lambda row: " ".join(map(next_hop_text, row.next_hops))),
    ]
    print_table(rows, columns, empty="There are no groups yet: `clement group add NAME`.")


@app.verb("show", "Show one group with its policy.")
def show(name: Name, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one group with its policy.

    Example: clement group show family
    """
    with operator(config) as actor:
        from clement.store.access import directory

        _show(directory.group(actor, name), json=json)


@app.verb("change", "Change a group's name, next hops or policy.", names_changes=True)
def change(
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="Another name.", show_default=False)] = None,
    store: Annotated[bool, typer.Option("--store", help="From now on, store mail here in Maildirs.")] = False,
    relay_to: RelayOption = None,
    lmtp_to: LmtpOption = None,
    policy: PolicyOption = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named; the rest stays. Next hops that are given replace all those before.

    Example: clement group change family --policy scanner_unavailable=accept
    """
    from msgspec import UNSET

    from clement.cli.phrases import group_policy, wrong
    from clement.policy.directory import Mode, Storage

    if store and (relay_to or lmtp_to):
        raise wrong("--store", "mail is stored here or handed on, not both")
    hops = _hops(relay_to, lmtp_to)
    is_replaced = store or bool(hops)
    with operator(config) as actor:
        from clement.store.access import directory
        from clement.store.actions.group import GroupChange, change_group

        before = directory.group(actor, name)
        wanted = GroupChange(
            name=new_name or UNSET,
            mode=(Mode.RELAY if relay_to else Mode.STORE) if is_replaced else UNSET,
            storage=(Storage.LMTP if lmtp_to else Storage.MAILDIR) if is_replaced else UNSET,
            next_hops=hops if is_replaced else UNSET,
            policy=group_policy(policy, before.policy) if policy else UNSET,
        )
        _show(
            change_group(actor, name, wanted, version=before.version),
            json=json,
            change=TakingUp(config, wait=wait),
        )


@app.verb("remove", "Remove a group that has no domains.")
def remove(name: Name, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Remove a group that has no domains any more.

    Example: clement group remove customers
    """
    with operator(config) as actor:
        from clement.store.actions.group import remove_group

        remove_group(actor, name)
        TakingUp(config, wait=wait).tell()


def _hops(relay_to: list[str] | None, lmtp_to: list[str] | None) -> tuple[NextHop, ...]:
    from clement.cli.phrases import next_hops, wrong

    if relay_to and lmtp_to:
        raise wrong("--relay-to", "mail is relayed or stored through LMTP, not both")
    if lmtp_to:
        return next_hops([_as_lmtp(hop) for hop in lmtp_to], "--lmtp-to")
    return next_hops(relay_to or (), "--relay-to")


def _as_lmtp(text: str) -> str:
    return text if text.startswith(("lmtp:", "/")) else f"lmtp:{text}"


def _show(row: GroupRow, *, json: bool, change: TakingUp | None = None) -> None:
    import msgspec

    from clement.cli.phrases import next_hop_text, policy_text

    policy = msgspec.structs.asdict(row.policy)
    show_row(
        row,
        [
            ("group", row.name),
            ("mode", row.mode.value),
            ("storage", row.storage.value if row.mode == "store" else ""),
            *(("next hop", next_hop_text(hop)) for hop in row.next_hops),
            ("domains", str(row.domain_count)),
            *((name, policy_text(value)) for name, value in policy.items()),
        ],
        json=json,
        change=change,
    )
