"""`clement status`: what runs, how far the log is behind, and what came of mail since the counters began."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from clement.cli.database import connected
from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.options import ConfigOption, JsonOption, find_config, load_settings
from clement.cli.terminal import print_facts, print_json

if TYPE_CHECKING:
    from clement.config import Settings


def status(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show which processes run, what the counters say, and whether the database answers.

    Exit code 0: mail is being received; 1: it is not.

    Example: clement status --json
    """
    from importlib.metadata import version

    from clement.cli.dns_list_watch import list_alerts
    from clement.cli.paths import Paths
    from clement.telemetry.metrics import DIRECTORY_VERSION, SERIES

    path = find_config(config)
    settings = load_settings(path)
    folder = Paths.of(settings).metrics
    processes = living_processes(folder)
    counted = _counted(folder)
    is_receiving = any(name.startswith("receiver") for name in processes)
    database, stored = _database_state(settings)
    facts: dict[str, object] = {
        "version": version("clement"),
        "configuration": str(path),
        "receiving": is_receiving,
        "processes": processes,
        "database": database,
        "directory": {"stored": stored, "in_use": counted.get(SERIES[DIRECTORY_VERSION], 0)},
        "alerts": list_alerts(counted),
        "counted": counted,
    }
    if json:
        print_json([facts])
    else:
        print_facts(
            [
                *((name, _text(value)) for name, value in facts.items() if name != "counted"),
                *_figures(counted),
            ]
        )
    if not is_receiving:
        raise typer.Exit(ExitCode.NEGATIVE)


def living_processes(folder: Path) -> list[str]:
    """Names of the processes whose counters are held: each keeps its file locked while it lives."""
    return [_process_name(path) for path in sorted(folder.glob("*.metrics")) if _is_held(path)]


def _process_name(path: Path) -> str:
    """`receiver_0-2181-17953.metrics` → `receiver 0 (pid 2181)`."""
    name, _, rest = path.stem.partition("-")
    return f"{name.replace('_', ' ')} (pid {rest.partition('-')[0]})"


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _counted(folder: Path) -> dict[str, int]:
    from clement.telemetry.collect import collect

    try:
        return collect(folder) if folder.is_dir() else {}
    except OSError as error:
        raise Failure(
            ExitCode.NEGATIVE, f"the counters in {folder} cannot be read: {error.strerror}"
        ) from None


def _database_state(settings: Settings) -> tuple[str, int]:
    """In words, and the version of the directory in it; 0: not known."""
    try:
        with connected(settings.database):
            from clement.store.schema import SchemaState, schema_state
            from clement.store.snapshot import current_version

            state = schema_state()
            return state.value, current_version() if state is SchemaState.CURRENT else 0
    except Failure as failure:
        return failure.text, 0


def _figures(counted: dict[str, int]) -> list[tuple[str, str]]:
    """The series that are not 0, without the prefix they all bear."""
    return [(name.removeprefix("clement_"), str(value)) for name, value in counted.items() if value]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return f"version {value['stored'] or 'unknown'} stored, {value['in_use'] or 'none'} in use"
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)
