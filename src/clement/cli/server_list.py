"""`clement banned` and `clement trusted`: the server lists, by hand and from history."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.in_force import TakingUp, WaitOption, show_row
from clement.cli.options import ConfigOption, JsonOption
from clement.cli.paging import all_pages
from clement.cli.server_list_words import COLUMNS, entry_facts, shown_entry, shown_reputation
from clement.cli.terminal import complain, print_json, print_table, say
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.policy.network import Network, Standing
    from clement.store.access.actor import Actor
    from clement.store.list_records import EntryState, ListedRow, ReputationRow

banned = Verbs()
trusted = Verbs()

ServerArgument = Annotated[
    str,
    typer.Argument(
        help="An address such as 192.0.2.7, or a network such as 192.0.2.0/24.",
        show_default=False,
        metavar="SERVER",
    ),
]
StateName = Literal["trial", "effective", "dropped", "pardoned", "ended", "all"]
StateOption = Annotated[
    StateName | None,
    typer.Option(
        help="Only entries of this state; by default those in effect and on trial.", show_default=False
    ),
]
FinalOption = Annotated[bool, typer.Option("--final", help="No recipient's directive can lift this ban.")]
ExpiresOption = Annotated[
    str, typer.Option(help="When it ends: 30min, 2h, 7d, 4w or a date; never for no end.")
]
NoteOption = Annotated[str, typer.Option(help="Why, for whoever reads it later.", show_default=False)]
PardonOption = Annotated[
    str,
    typer.Option(
        "--until", help="How long the steward may not ban it again: 30min, 2h, 7d, 4w, a date, or never."
    ),
]


@banned.verb("list", "Show banned servers, and those on trial.")
def list_banned(state: StateOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show which servers are banned: those that persons banned, then those that the steward banned.

    A ban on trial has no effect yet; "cost" is how many good messages it would have cost so far.

    Examples:
    clement banned list
    clement banned list --state trial
    """
    _list("banned", state, config=config, json=json)


@trusted.verb("list", "Show trusted servers.")
def list_trusted(state: StateOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show which servers are trusted: those that persons trust, then those that have earned it.

    Example: clement trusted list
    """
    _list("trusted", state, config=config, json=json)


@banned.verb("show", "Show what is known of a server.")
def show_banned(server: ServerArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show every entry that concerns a server, with its evidence, and what is remembered of it.

    The first entry is the one that counts: by hand before the steward's, a smaller network before a larger.

    Example: clement banned show 192.0.2.7
    """
    _show(server, config=config, json=json)


@trusted.verb("show", "Show what is known of a server.")
def show_trusted(server: ServerArgument, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show every entry that concerns a server, with its evidence, and what is remembered of it.

    Example: clement trusted show 192.0.2.7
    """
    _show(server, config=config, json=json)


@banned.verb("add", "Ban a server by hand.")
def add_banned(
    server: ServerArgument,
    final: FinalOption = False,
    expires: ExpiresOption = "never",
    note: NoteOption = "",
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Ban a server or a network. It wins over whatever the steward concludes, and needs no trial.

    Examples:
    clement banned add 192.0.2.7 --expires 7d --note "sends viruses"
    clement banned add 2001:db8:5::/48 --final
    """
    _add("banned", server, final=final, expires=expires, note=note, wait=wait, config=config, json=json)


@trusted.verb("add", "Trust a server by hand.")
def add_trusted(
    server: ServerArgument,
    expires: ExpiresOption = "never",
    note: NoteOption = "",
    wait: WaitOption = True,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Trust a server or a network; the steward can never ban it.

    Example: clement trusted add 198.51.100.0/24 --note "the branch office's provider"
    """
    _add("trusted", server, final=False, expires=expires, note=note, wait=wait, config=config, json=json)


@banned.verb("remove", "Take a server from the list, and keep it off.")
def remove_banned(
    server: ServerArgument,
    until: PardonOption = "90d",
    note: NoteOption = "",
    wait: WaitOption = True,
    config: ConfigOption = None,
) -> None:
    """Take a server from the list of banned ones, whoever put it there.

    If the steward did, it is pardoned: he does not ban it again before the pardon ends, unless much more
    comes to speak against it (reputation.pardon_evidence). A server that is not banned can be pardoned
    beforehand.

    Examples:
    clement banned remove 192.0.2.7
    clement banned remove 192.0.2.0/24 --until never --note "a customer of ours"
    """
    _remove_banned(server, until, note, wait=wait, config=config)


@trusted.verb("remove", "Take a server from the list.")
def remove_trusted(server: ServerArgument, wait: WaitOption = True, config: ConfigOption = None) -> None:
    """Take a server from the list of trusted ones, whoever put it there.

    Example: clement trusted remove 198.51.100.7
    """
    network = wanted_network(server)
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.actions.server_list import unlist

        unlist(actor, str(network), Standing.TRUSTED)
        TakingUp(config, wait=wait).tell()


def wanted_network(text: str) -> Network:
    """The network of an argument; an IPv6 address stays an address. Raises Failure."""
    from clement.store import names

    try:
        return names.network(text)
    except ValueError:
        raise Failure(
            ExitCode.USAGE, f"expected an address or a network such as 192.0.2.0/24, found {text}"
        ) from None


def entries(actor: Actor, standing: Standing, states: tuple[EntryState, ...]) -> Iterator[ListedRow]:
    """Every entry of a list in some of its states (none named: all), by hand first."""
    from clement.store.access import server_list
    from clement.store.list_records import EntryState

    by_hand = server_list.by_hand(actor, standing) if not states or EntryState.EFFECTIVE in states else ()
    made = all_pages(
        lambda after: server_list.concluded(actor, standing, states=states, after_id=after),
        0,
        lambda row: row.id,
    )
    return chain(by_hand, made)


def _list(name: str, state: StateName | None, *, config: ConfigOption, json: bool) -> None:
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.list_records import EntryState

        if state == "all":
            states: tuple[EntryState, ...] = ()
        else:
            states = (EntryState(state),) if state else (EntryState.EFFECTIVE, EntryState.TRIAL)
        rows = entries(actor, Standing(name), states)
        if json:
            print_json(rows)
        else:
            print_table(rows, COLUMNS, empty=f"No server is {name}.")


def _show(server: str, *, config: ConfigOption, json: bool) -> None:
    from clement.policy.reputation import CLIENT_BITS, SITE_BITS, Kind

    network = wanted_network(server)
    with operator(config) as actor:
        from clement.store.access import server_list
        from clement.store.access.actor import NotFound

        rows = server_list.entries_around(actor, network)
        known: tuple[ReputationRow, ...] = ()
        bits = CLIENT_BITS[network.version]
        if network.prefixlen >= bits:
            subject = network.supernet(new_prefix=bits)
            try:
                known = (server_list.reputation(actor, Kind.CLIENT, str(subject)),)
            except NotFound:
                known = ()
        elif network.prefixlen >= SITE_BITS[network.version]:
            known = server_list.clients_of_site(actor, network, limit=20)
        pardons = [each for each in server_list.pardons(actor) if _overlaps(each.network, network)]
    if json:
        print_json([*rows, *known, *pardons])
        return
    if not rows and not known and not pardons:
        raise Failure(ExitCode.NOT_FOUND, f"nothing is known of {network}")
    shown_entry(rows, pardons)
    shown_reputation(known)


def _overlaps(text: str, network: Network) -> bool:
    from ipaddress import ip_network

    return ip_network(text).overlaps(network)


def _add(
    name: str,
    server: str,
    *,
    final: bool,
    expires: str,
    note: str,
    wait: bool,
    config: ConfigOption,
    json: bool,
) -> None:
    from clement.cli.phrases import expiry_s

    expires_at_s = expiry_s(expires, "--expires", time.time())
    network = wanted_network(server)
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.access import server_list
        from clement.store.actions.network import add_network

        noted = add_network(
            actor, str(network), Standing(name), final=final, expires_at_s=expires_at_s, note=note
        )
        for text in noted.notes:
            complain(f"note: {text}")
        rows = server_list.entries_of(actor, Standing(name), network)
        show_row(rows[0], entry_facts(rows[0]), json=json, change=TakingUp(config, wait=wait))


def _remove_banned(server: str, until: str, note: str, *, wait: bool, config: ConfigOption) -> None:
    from clement.cli.phrases import expiry_s

    until_s = expiry_s(until, "--until", time.time())
    network = wanted_network(server)
    with operator(config) as actor:
        from clement.policy.network import Standing
        from clement.store.access.actor import NotFound
        from clement.store.actions.server_list import pardon, unlist

        try:
            origins = unlist(actor, str(network), Standing.BANNED, until_s=until_s, note=note)
        except NotFound:
            pardon(actor, str(network), until_s=until_s, note=note)
            origins = ()
        if origins and all(origin == "hand" for origin in origins):
            say(f"{network} is no longer banned by hand.")
        else:
            say(f"{network} is pardoned; `clement banned show {network}` tells until when.")
        TakingUp(config, wait=wait).tell()
