"""The command line: every verb is announced here, and every way a verb can end is decided here.

Only what `--help` needs is imported; the verb that runs is imported with its parts.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Annotated, ClassVar

import typer

from clement.cli.exit_codes import MEANINGS, ExitCode, Failure
from clement.cli.options import ConfigOption, find_config
from clement.cli.terminal import complain
from clement.cli.verbs import Later, LaterVerbs, ReaderGone, Verbs


class _EveryVerb(LaterVerbs):
    later: ClassVar = {
        "init": Later("clement.cli.init:init", "Make configuration, folders, certificate, database."),
        "check": Later("clement.cli.check:check", "Find out what is wrong with the configuration."),
        "log": Later("clement.cli.log:log", "What came of every message."),
        "session": Later("clement.cli.session:session", "One session, line by line."),
        "explain": Later("clement.cli.explain:explain", "Why a message fared as it did."),
        "correct": Later("clement.cli.correct:correct", "Say that a message was judged wrongly."),
        "simulate": Later("clement.cli.simulate:simulate", "What would become of a message."),
        "evaluate": Later("clement.cli.evaluate:evaluate", "How well the filter learns a corpus."),
        "status": Later("clement.cli.status:status", "What runs, and how far the log is behind."),
        "train": Later("clement.cli.train:train", "Teach the learning filter a mailbox."),
        "sink": Later("clement.cli.sink:sink", "A next hop for trying things."),
        "group": Later(
            "clement.cli.group:app", "Groups: sets of domains under one administration and one policy."
        ),
        "domain": Later("clement.cli.domain:app", "Domains that are hosted here, each in one group."),
        "mailbox": Later(
            "clement.cli.mailbox:app", "Mailboxes: those stored here, and people's behind a next hop."
        ),
        "alias": Later("clement.cli.alias:app", "Aliases: addresses that stand for others."),
        "person": Later("clement.cli.person:app", "Persons: who may log in, administer, and post mail."),
        "directive": Later("clement.cli.directive:app", "Directives: rules on who may write to whom."),
        "network": Later(
            "clement.cli.network:app", "Client networks: who may relay, who is banned or trusted."
        ),
        "rule": Later(
            "clement.cli.rule:app", "Rules about content: what mail may not say, or what is suspicious in it."
        ),
        "greylist": Later(
            "clement.cli.greylist:app", "Greylisting: who was asked to come back, who has, and who need not."
        ),
        "banned": Later(
            "clement.cli.server_list_files:banned",
            "Banned servers: refused at connect, by hand or for what they have done here.",
        ),
        "trusted": Later(
            "clement.cli.server_list_files:trusted",
            "Trusted servers: not doubted, by hand or for what they have done here.",
        ),
        "mesh": Later(
            "clement.cli.mesh:app",
            "Servers that share with us what they learn about banned servers (docs/mesh.md).",
        ),
        "held": Later("clement.cli.held:app", "Held mail: the quarantine, and copies of what was refused."),
        "digest": Later(
            "clement.cli.digest:app", "Digests: the list of newly held mail that people get by mail."
        ),
        "learned": Later(
            "clement.cli.learned:app",
            "The filter that learns: teach it, see what it was taught, take that back.",
        ),
    }


app = Verbs(
    cls=_EveryVerb,
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
    # Its default is to end us. Kept back from here on, and by every thread that a library starts, it is a
    # reload as soon as the supervisor takes signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))

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


def main() -> None:
    """Run the verb that was asked for and exit with its code."""
    # Until a verb begins its work it makes nothing but modules. Those that work long switch this on again.
    gc.disable()
    try:
        try:
            app(prog_name="clement")
        finally:
            # Here and not at exit, where nobody could tell a reader that has gone from a failure.
            sys.stdout.flush()
    except Failure as failure:
        _leave(failure.code, f"clement: {failure.text}")
    except KeyboardInterrupt:
        _leave(ExitCode.INTERRUPTED, "")
    except (BrokenPipeError, ReaderGone):
        # Nobody is left to be told, also not at exit.
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
