"""`clement mailbox`: mailboxes, stored here or behind a next hop, one by one or from a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure, unreadable
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.paging import all_pages
from clement.cli.terminal import Column, complain, print_json, print_table, progress, say, size
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.store.access.actor import Actor
    from clement.store.actions.mailbox import NewMailbox
    from clement.store.records import MailboxRow

app = Verbs()

Address = Annotated[str, typer.Argument(help="The mailbox's address.", show_default=False)]
QuotaOption = Annotated[
    str | None,
    typer.Option("--quota", help="A size such as 500MB or 2GiB; 0 for no limit.", show_default=False),
]
OwnerOption = Annotated[
    str | None,
    typer.Option(
        "--owner", help="The login of the person it belongs to; empty for nobody.", show_default=False
    ),
]


@app.verb("add", "Add a mailbox.")
def add(
    address: Address,
    quota: QuotaOption = None,
    owner: OwnerOption = None,
    maildir: Annotated[
        str,
        typer.Option(
            help="Its folder below the mail root; by default DOMAIN/LOCAL-PART.", show_default=False
        ),
    ] = "",
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Add a mailbox to a hosted domain.

    In a domain whose mail is handed on it says whose an address is: its owner has thresholds, held mail and
    a taste of his own. Its mail, folder and quota are the next hop's; other addresses need no mailbox.

    Examples:
    clement mailbox add alice@example.org --quota 2GiB
    clement mailbox add bob@example.org --owner bob@example.org
    """
    quota_bytes = _quota(quota or "0")
    with operator(config) as actor:
        from clement.store.actions.mailbox import add_mailbox

        row = add_mailbox(actor, address, quota_bytes=quota_bytes, owner_login=owner or "", maildir=maildir)
        _note_earlier_mail(config, [row.maildir])
        _show(row, json=json, change=TakingUp(config, wait=wait))


@app.verb("import", "Add mailboxes from a file, all of them or none.")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="The file, or - for standard input.", allow_dash=True, dir_okay=False, show_default=False
        ),
    ],
    wait: WaitOption = True,
    config: ConfigOption = None,
) -> None:
    """Add mailboxes from a file, all of them or none: a line each, ADDRESS[,QUOTA[,OWNER]].

    Empty lines and lines that begin with # are passed over.

    Example: clement mailbox import mailboxes.csv
    """
    lines = list(_read_mailboxes(file))
    with operator(config) as actor, progress() as bar:
        from clement.store.actions.mailbox import NewMailbox, add_mailboxes

        wanted = [NewMailbox(*line) for line in lines]
        task = bar.add_task("adding mailboxes", total=len(wanted))
        count = add_mailboxes(actor, wanted, lambda done, _total: bar.update(task, completed=done))
        bar.stop()
        say(f"added {count} mailboxes")
        _note_earlier_mail(config, _with_mail_by_default(actor, config, wanted))
        TakingUp(config, wait=wait).tell()


def _read_mailboxes(file: Path) -> Iterator[tuple[str, int, str]]:
    """Address, quota in bytes and owner of each line. Raises Failure naming the line that is wrong."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(file, error) from None
    for number, line in enumerate(text.splitlines(), 1):
        address, quota, owner, *rest = [*(part.strip() for part in line.split(",")), "", ""]
        if not address or address.startswith("#"):
            continue
        if any(rest):
            raise Failure(ExitCode.USAGE, f"{file}:{number}: expected ADDRESS[,QUOTA[,OWNER]]")
        yield address, _quota(quota or "0", f"{file}:{number}"), owner


@app.verb("list", "Show mailboxes.")
def list_mailboxes(
    domain: Annotated[
        str, typer.Option("--domain", "-d", help="Only those of this domain.", show_default=False)
    ] = "",
    text: Annotated[
        str, typer.Option(help="Only those whose address contains this.", show_default=False)
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show mailboxes in order of their addresses.

    Example: clement mailbox list --domain example.org
    """
    with operator(config) as actor:
        from clement.store.access import directory

        rows = all_pages(
            lambda after: directory.mailboxes(actor, domain, after=after, text=text),
            "",
            lambda row: row.address,
        )
        if json:
            print_json(rows)
            return
        columns: list[Column[MailboxRow]] = [
            Column("mailbox", lambda row: row.address),
            Column("quota", lambda row: size(row.quota_bytes) if row.quota_bytes else "", is_number=True),
            Column("owner", lambda row: row.owner_login),
            Column("state", lambda row: "on" if row.enabled else "off"),
        ]
        print_table(rows, columns, empty="There are no such mailboxes.")


@app.verb("show", "Show one mailbox.")
def show(address: Address, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show one mailbox.

    Example: clement mailbox show alice@example.org
    """
    with operator(config) as actor:
        from clement.store.access import directory

        _show(directory.mailbox(actor, address), json=json)


@app.verb("change", "Change a mailbox.", names_changes=True)
def change(
    address: Address,
    quota: QuotaOption = None,
    owner: OwnerOption = None,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether it takes mail at all.", show_default=False)
    ] = None,
    tag_at: Annotated[
        str | None,
        typer.Option(help="Score from which on its mail is tagged; 0 for never, empty for its domain's."),
    ] = None,
    quarantine_at: Annotated[str | None, typer.Option(help="Score from which on it is held.")] = None,
    refuse_at: Annotated[str | None, typer.Option(help="Score from which on it is refused.")] = None,
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is named; the rest stays.

    Examples:
    clement mailbox change alice@example.org --quota 5GiB
    clement mailbox change alice@example.org --quarantine-at 4.6 --refuse-at 0
    """
    from msgspec import UNSET

    from clement.cli.phrases import threshold

    quota_bytes = UNSET if quota is None else _quota(quota)
    with operator(config) as actor:
        from clement.store.actions.mailbox import MailboxChange, change_mailbox

        wanted = MailboxChange(
            quota_bytes=quota_bytes,
            enabled=UNSET if on is None else on,
            owner_login=UNSET if owner is None else owner,
            tag_at=threshold(tag_at, "--tag-at"),
            quarantine_at=threshold(quarantine_at, "--quarantine-at"),
            refuse_at=threshold(refuse_at, "--refuse-at"),
        )
        _show(change_mailbox(actor, address, wanted), json=json, change=TakingUp(config, wait=wait))


@app.verb("remove", "Remove a mailbox; its mail stays on disk.")
def remove(address: Address, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Remove a mailbox and the directives of its address. Mail that is stored stays on disk.

    Example: clement mailbox remove bob@example.org
    """
    with operator(config) as actor:
        from clement.cli.mail_on_disk import messages_in
        from clement.store.access import directory
        from clement.store.actions.mailbox import remove_mailbox

        maildir = directory.mailbox(actor, address).maildir
        remove_mailbox(actor, address)
        folder = load_settings(config).store.mail_root / maildir
        if maildir and messages_in(folder):
            say(f"Its mail stays in {folder}.")
        TakingUp(config, wait=wait).tell()


def _with_mail_by_default(actor: Actor, config: Path | None, added: Iterable[NewMailbox]) -> list[str]:
    """The folders of those that find mail where a mailbox has it by default."""
    from clement.cli.mail_on_disk import messages_in
    from clement.store.access import directory
    from clement.store.names import default_maildir, mailbox_address

    mail_root = load_settings(config).store.mail_root
    addresses = [mailbox_address(new.address) for new in added]
    return [
        directory.mailbox(actor, address).maildir
        for address in addresses
        if messages_in(mail_root / default_maildir(address))
    ]


def _note_earlier_mail(config: Path | None, maildirs: Iterable[str]) -> None:
    from clement.cli.mail_on_disk import earlier_mail

    text = earlier_mail(load_settings(config).store.mail_root, filter(None, maildirs))
    if text:
        complain(f"note: {text}")


def _quota(text: str, option: str = "--quota") -> int:
    from clement.cli.phrases import size_bytes

    return size_bytes(text, option)


def _show(row: MailboxRow, *, json: bool, change: TakingUp | None = None) -> None:
    show_row(
        row,
        [
            ("mailbox", row.address),
            ("folder", row.maildir or "none here: its mail is kept by the next hop"),
            ("quota", size(row.quota_bytes) if row.quota_bytes else "none"),
            ("owner", row.owner_login),
            ("state", "on" if row.enabled else "off: its mail is refused"),
            *(
                (name, f"{value:g}" if value else "never")
                for name, value in (
                    ("tag at", row.tag_at),
                    ("quarantine at", row.quarantine_at),
                    ("refuse at", row.refuse_at),
                )
                if value is not None
            ),
        ],
        json=json,
        change=change,
    )
