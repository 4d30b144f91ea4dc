"""`clement mesh`: servers that trust each other, and what they say of banned servers."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clement.cli.database import operator
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.terminal import Column, complain, local_time, print_facts, print_json, print_table, say
from clement.cli.verbs import Verbs

if TYPE_CHECKING:
    from clement.cli.mesh_shown import AssertionShown, PeerShown
    from clement.config.settings import Settings
    from clement.policy.mesh.key import PrivateKey
    from clement.store.mesh_records import MeshEventRow

app = Verbs()

WhichPeer = Annotated[str, typer.Argument(help="The peer's name in the configuration.", show_default=False)]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="Rows to show at most.")]


@app.verb("init", "Make our key.")
def init(config: ConfigOption = None) -> None:
    """Make the private key by which peers know us, and show the public one. One that exists is kept.

    Example: clement mesh init
    """
    from secrets import token_bytes

    from clement.policy.mesh.key import PrivateKey

    path = load_settings(config).mesh.key
    if not path.exists():
        key = PrivateKey(token_bytes(32))
        try:
            _write_private(path, key.to_pem())
        except OSError as error:
            raise Failure(ExitCode.CONFIGURATION, f"cannot write {path}: {error.strerror}") from None
        complain(
            f"made {path}; keep it to this machine, and put the line below into the peers' configuration"
        )
    say(_key(load_settings(config)).public.text)


@app.verb("key", "Show our public key.")
def key(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show what peers put into their configuration as our public_key, and what the key is called.

    Example: clement mesh key
    """
    public = _key(load_settings(config)).public
    if json:
        print_json([{"public_key": public.text, "key_id": public.id}])
        return
    print_facts([("public_key", public.text), ("key id", public.id)])


@app.verb("peers", "Show the peers and how they behave.")
def peers(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show every configured peer: when it was last spoken with, what it says, and its standing.

    A standing below 50 means that its word counts nothing; it regains 2 a day, or all by `mesh restore`.

    Example: clement mesh peers
    """
    from clement.cli.mesh_shown import by_origin, peer_shown

    settings = load_settings(config)
    with operator(config) as actor:
        from clement.store.access import mesh as access

        now_s = time.time()
        said = by_origin(access.entries(actor, now_s, limit=100_000))
        remembered = access.peers(actor, now_s)
        rows = [peer_shown(peer, remembered, said) for peer in settings.mesh.peer]
    if json:
        print_json(rows)
        return
    columns: list[Column[PeerShown]] = [
        Column("name", lambda row: row.name),
        Column("calls", lambda row: row.calls or "it calls us"),
        Column("weight", lambda row: f"{row.weight:g}", is_number=True),
        Column("standing", lambda row: f"{row.standing:g}" + ("" if row.heard else " (not heard)")),
        Column("says", lambda row: str(row.assertions), is_number=True),
        Column("spoken with", lambda row: local_time(row.succeeded_at_s) if row.succeeded_at_s else "never"),
        Column("failures", lambda row: str(row.failures), is_number=True),
    ]
    print_table(rows, columns, empty="No peers: name them in the configuration as [[mesh.peer]].")


@app.verb("status", "Show whether the mesh works.")
def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show whether we take part, what we say, what others say, and what follows from it here.

    Example: clement mesh status
    """
    settings = load_settings(config)
    with operator(config) as actor:
        from clement.store.access import mesh as access

        now_s = time.time()
        rows = access.entries(actor, now_s, limit=100_000)
        heard = {network for each in access.handed_over() for network in [each.network]}
    ours = sum(row.handed_by == "" for row in rows)
    facts = {
        "enabled": settings.mesh.enabled,
        "peers": len(settings.mesh.peer),
        "quorum": settings.mesh.quorum,
        "own_assertions": ours,
        "foreign_assertions": len(rows) - ours,
        "with_quorum": len(heard),
    }
    if json:
        print_json([facts])
        return
    print_facts(
        [
            ("mesh", "on" if settings.mesh.enabled else "off: set enabled = true in [mesh]"),
            ("peers", str(facts["peers"])),
            ("we say", f"{ours} assertions"),
            ("others say", f"{len(rows) - ours} assertions"),
            ("with a quorum", f"{len(heard)} networks (quorum {settings.mesh.quorum:g})"),
        ]
    )


@app.verb("list", "Show what is asserted, by us and by others.")
def list_assertions(config: ConfigOption = None, json: JsonOption = False, limit: LimitOption = 1000) -> None:
    """Show the assertions in force: who bans or unbans what, why, and until when.

    Example: clement mesh list
    """
    from clement.cli.mesh_shown import assertion_shown, names_of

    names = names_of(load_settings(config))
    with operator(config) as actor:
        from clement.store.access import mesh as access

        rows = [assertion_shown(row, names) for row in access.entries(actor, time.time(), limit=limit)]
    if json:
        print_json(rows)
        return
    columns: list[Column[AssertionShown]] = [
        Column("origin", lambda row: row.origin),
        Column("says", lambda row: row.kind + (" (contradicted)" if row.contradicted else "")),
        Column("network", lambda row: row.network),
        Column("because", lambda row: ", ".join(f"{count} {cause}" for cause, count in row.counts.items())),
        Column("ends", lambda row: local_time(row.expires_at_s)),
        Column("told by", lambda row: row.by),
    ]
    print_table(rows, columns, empty="Nothing is asserted.")


@app.verb("log", "Show what happened with the peers.")
def log(config: ConfigOption = None, json: JsonOption = False, limit: LimitOption = 50) -> None:
    """Show refusals, failed calls and changes of standing, the newest first.

    Example: clement mesh log --limit 20
    """
    from clement.cli.mesh_shown import names_of

    names = names_of(load_settings(config))
    with operator(config) as actor:
        from clement.store.access import mesh as access

        rows = access.events(actor, limit=limit)
    if json:
        print_json(rows)
        return
    columns: list[Column[MeshEventRow]] = [
        Column("when", lambda row: local_time(row.at_s)),
        Column("peer", lambda row: names.get(row.peer, row.peer)),
        Column("what", lambda row: row.what),
        Column("detail", lambda row: row.detail),
    ]
    print_table(rows, columns, empty="Nothing has happened.")


@app.verb("restore", "Hear a peer again.")
def restore(which: WhichPeer, config: ConfigOption = None) -> None:
    """Give a peer its full standing back, once its people have said what went wrong.

    Example: clement mesh restore anna
    """
    from clement.cli.mesh_shown import names_of

    names = names_of(load_settings(config))
    wanted = [key_id for key_id, name in names.items() if name == which]
    if not wanted:
        raise Failure(ExitCode.NOT_FOUND, f"no peer {which} in the configuration")
    with operator(config) as actor:
        from clement.store.actions.mesh import restore_standing

        restore_standing(actor, wanted[0], time.time())


def _key(settings: Settings) -> PrivateKey:
    from clement.config.inspection import read_mesh_key

    try:
        return read_mesh_key(settings.mesh.key)
    except ValueError as error:
        raise Failure(ExitCode.CONFIGURATION, f"{error}; `clement mesh init` makes a key") from None


def _write_private(path: Path, octets: bytes) -> None:
    """A new file that nobody else can read, complete on the disk. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
