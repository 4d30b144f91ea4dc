"""The command line: every verb is announced here, and every way a verb can end is decided here.

Only what `--help` needs is imported; a verb imports its parts when it runs.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from clement.cli import (
    alias,
    check,
    correct,
    digest,
    directive,
    domain,
    evaluate,
    explain,
    greylist,
    group,
    held,
    init,
    learned,
    log,
    mailbox,
    mesh,
    network,
    person,
    rule,
    server_list_files,
    session,
    simulate,
    sink,
    status,
    train,
)
from clement.cli.exit_codes import MEANINGS, ExitCode, Failure
from clement.cli.options import ConfigOption, find_config
from clement.cli.terminal import complain
from clement.cli.verbs import Verbs

app = Verbs(
    name="clement",
    help="A mail server that gives its answer while the line is still open.\n\n"
    "Begin with `clement init`, then `clement serve`. `clement VERB --help` shows examples.",
    epilog="Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"clement {version('clement')}")
        raise typer.Exit


@app.callback()
def _all_verbs(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _print_version(wanted=value),
            is_eager=True,
            help="Show the version.",
        ),
    ] = False,
) -> None:
    pass


@app.verb("serve", "Receive mail until told to stop.")
def serve(config: ConfigOption = None) -> None:
    """Receive mail: open the listeners and stay until told to stop.

    SIGTERM lets transactions under way finish; SIGHUP reads the configuration again, and keeps the
    old one if the new one is wrong.

    Example: clement serve --config /etc/clement/clement.toml
    """
    from clement.cli.serve import serve as run
    from clement.config import ConfigurationError
    from clement.config.inspection import find_faults
    from clement.config.load import load_with_blame

    path = find_config(config)
    settings, blame = load_with_blame(path)
    find_faults(settings, blame)
    if blame.problems:
        raise ConfigurationError(blame.problems)
    run(settings, path)


app.verb("init", "Make configuration, folders, certificate, database.")(init.init)
app.verb("check", "Find out what is wrong with the configuration.")(check.check)
app.verb("log", "What came of every message.")(log.log)
app.verb("session", "One session, line by line.")(session.session)
app.verb("explain", "Why a message fared as it did.")(explain.explain)
app.verb("correct", "Say that a message was judged wrongly.")(correct.correct)
app.verb("simulate", "What would become of a message.")(simulate.simulate)
app.verb("evaluate", "How well the filter learns a corpus.")(evaluate.evaluate)
app.verb("status", "What runs, and how far the log is behind.")(status.status)
app.verb("train", "Teach the learning filter a mailbox.")(train.train)
app.verb("sink", "A next hop for trying things.")(sink.sink)
app.add_typer(group.app, name="group")
app.add_typer(domain.app, name="domain")
app.add_typer(mailbox.app, name="mailbox")
app.add_typer(alias.app, name="alias")
app.add_typer(person.app, name="person")
app.add_typer(directive.app, name="directive")
app.add_typer(network.app, name="network")
app.add_typer(rule.app, name="rule")
app.add_typer(greylist.app, name="greylist")
app.add_typer(server_list_files.banned, name="banned")
app.add_typer(server_list_files.trusted, name="trusted")
app.add_typer(mesh.app, name="mesh")
app.add_typer(held.app, name="held")
app.add_typer(digest.app, name="digest")
app.add_typer(learned.app, name="learned")


def main() -> None:
    """Run the verb that was asked for and exit with its code."""
    try:
        app(prog_name="clement")
    except Failure as failure:
        _leave(failure.code, f"clement: {failure.text}")
    except KeyboardInterrupt:
        _leave(ExitCode.INTERRUPTED, "")
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nobody is left to be told, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except Exception as error:  # noqa: BLE001 - those it does not know are raised again
        _explain(error)


def _explain(error: Exception) -> None:
    """Exceptions of parts that are imported late; others are our own fault and keep their traceback."""
    from clement.config import ConfigurationError

    if isinstance(error, ConfigurationError):
        _leave(ExitCode.CONFIGURATION, str(error))
    raise error


def _leave(code: ExitCode, text: str) -> None:
    if text:
        complain(text)
    sys.exit(code)
