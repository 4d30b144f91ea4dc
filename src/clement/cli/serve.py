"""`clement serve`: open the ports, give up root, fork the house and watch over it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from clement.cli.checker_sockets import CheckerSockets
from clement.cli.database import connected
from clement.cli.directory import keeper_of
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.learning_parts import keeper_of as model_keeper_of
from clement.cli.listeners import ListenerFault, Opened, Sockets
from clement.cli.paths import Paths, make_folders
from clement.cli.postmaster import postmaster_is_lost
from clement.cli.processes import roles
from clement.cli.wiring import Outside
from clement.config import ConfigurationError
from clement.config.inspection import find_faults, stays_root
from clement.config.load import load_with_blame
from clement.config.settings import Settings
from clement.server.privileges import NoSuchUser, drop, hand_over
from clement.server.supervisor import Role, Supervisor
from clement.telemetry import events as log_events
from clement.telemetry.collect import fold
from clement.telemetry.log import Log
from clement.telemetry.metrics import Metrics

log = Log("serve")


class WrongDatabase(Exception):
    """The database answers, but has not the tables of this version: no snapshot may stand in for it."""


class ReloadRefused(Exception):
    """The new configuration cannot be used; the message says why."""


def serve(settings: Settings, config_path: Path, outside: Outside | None = None) -> None:
    """Serve until SIGTERM. Raises Failure when the house cannot be opened."""
    # Modes are given with every file; whatever they say, others get nothing.
    os.umask(0o007)
    sockets = Sockets()
    try:
        opened = sockets.open(settings)
        sockets.adopt(opened)
        processes = settings.processes
        hand_over(processes.user, processes.group, opened.unix_sockets)
        drop(processes.user, processes.group)
        make_folders(settings)
    except (ListenerFault, NoSuchUser) as fault:
        raise Failure(ExitCode.CONFIGURATION, str(fault)) from None
    except OSError as fault:
        raise Failure(ExitCode.CONFIGURATION, f"cannot start: {fault}") from None
    try:
        # Before the directory is read: who changes it from now on sees that somebody will take that up.
        present = Metrics.open(Paths.of(settings).metrics, "supervisor")
    except OSError as fault:
        raise Failure(ExitCode.CONFIGURATION, f"cannot start: {fault}") from None
    with closing(present):
        _serve_on(settings, config_path, outside or Outside(), sockets, opened)


def _serve_on(
    settings: Settings, config_path: Path, outside: Outside, sockets: Sockets, opened: Opened
) -> None:
    """With the listeners open and the folders made. Raises Failure as `serve` does."""
    if stays_root(settings):
        log.warning(log_events.STAYS_ROOT, setting="processes.user")
    _prepare_directory(settings)
    checker_sockets = CheckerSockets()
    in_force = settings

    def load() -> Sequence[Role]:
        """The roles of the configuration as it is now."""
        nonlocal in_force
        try:
            fresh, blame = load_with_blame(config_path)
            find_faults(fresh, blame)
            if blame.problems:
                raise ConfigurationError(blame.problems)
            make_folders(fresh)
            if fresh.database != in_force.database or not Paths.of(fresh).directory.exists():
                _prepare_directory(fresh)
            found = _roles_with_sockets(fresh, sockets, checker_sockets, outside)
        except (ConfigurationError, ListenerFault, OSError) as fault:
            raise ReloadRefused(str(fault)) from fault
        except Failure as fault:
            raise ReloadRefused(fault.text) from fault
        in_force = fresh
        return found

    log.info(log_events.SERVING, addresses=[str(listener.address) for listener in settings.listener])
    tidy = partial(fold_quietly, Paths.of(settings).metrics)
    tidy()
    Supervisor(load, ReloadRefused, tidy).run(roles(settings, opened, checker_sockets, outside))


def _roles_with_sockets(
    fresh: Settings, sockets: Sockets, checker_sockets: CheckerSockets, outside: Outside
) -> Sequence[Role]:
    """Nothing that the old configuration listens on is closed before the new one is complete."""
    opened = sockets.open(fresh)
    try:
        found = roles(fresh, opened, checker_sockets, outside)
    except OSError:
        sockets.discard(opened)
        raise
    sockets.adopt(opened)
    return found


def fold_quietly(metrics: Path) -> None:
    """Add what dead processes had counted to the totals; counting is not worth a fault."""
    with suppress(OSError):
        fold(metrics)


def _prepare_directory(settings: Settings) -> None:
    """A fresh snapshot from SQL; when SQL is away, the last one will do."""
    path = Paths.of(settings).directory
    try:
        with connected(settings.database):
            from clement.store.durability import unsafe_settings
            from clement.store.schema import WrongSchema, require_current_schema

            try:
                require_current_schema()
            except WrongSchema as fault:
                raise WrongDatabase(str(fault)) from None
            for sentence in unsafe_settings():
                log.warning(log_events.DATABASE_UNSAFE, why=sentence)
            keeper_of(settings).step()
            if settings.learning.enabled:
                model_keeper_of(settings).step()
            if postmaster_is_lost(settings):
                address = settings.site.postmaster_address
                log.warning(log_events.POSTMASTER_LOST, address=address, setting="site.postmaster")
    except WrongDatabase as fault:
        raise Failure(ExitCode.DATABASE_AWAY, str(fault)) from None
    except Failure as failure:
        if failure.code is not ExitCode.DATABASE_AWAY or not path.exists():
            raise
        log.warning(log_events.DIRECTORY_UNAVAILABLE, fault=failure.text)
    if not path.exists():
        raise Failure(
            ExitCode.DATABASE_AWAY, "the directory cannot be read from the database, and no snapshot is left"
        )
