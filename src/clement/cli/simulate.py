"""`clement simulate`: what would become of a message, without sending it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from clement.cli.exit_codes import ExitCode, Failure, unreadable
from clement.cli.options import ConfigOption, JsonOption, load_settings
from clement.cli.terminal import print_json, print_lines

SPLIT = (
    "The answers differ: a client without PRDR is deferred once, and gets each answer on its retry "
    "in a transaction of its own."
)
MAX_CONTENT_BYTES = 200 * 1024 * 1024


def simulate(
    file: Annotated[
        Path,
        typer.Argument(help="The message, or - for standard input.", allow_dash=True, show_default=False),
    ],
    client: Annotated[str, typer.Option(help="The client's IP address.", show_default=False)],
    to: Annotated[
        list[str],
        typer.Option("--to", help="A recipient; give it several times for several.", show_default=False),
    ],
    sender: Annotated[
        str,
        typer.Option("--from", help="The reverse-path; empty for <>, as of a bounce.", show_default=False),
    ] = "",
    helo: Annotated[str, typer.Option(help="What the client greets with.")] = "client.example",
    tls: Annotated[bool, typer.Option("--tls", help="As if STARTTLS had been used.")] = False,
    auth_as: Annotated[str, typer.Option(help="As if this person had logged in.", show_default=False)] = "",
    kind: Annotated[
        Literal["mx", "submission", "submissions", "lmtp"] | None,
        typer.Option(
            help="Which kind of listener; by default mx, or submission with --auth-as.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Judge a message as if it came now: every finding, the verdict and the reply for each recipient.

    Nothing is delivered, held, sent, recorded or changed; the virus scanner and the DNS are asked. Exit
    code 0: every recipient would have it; 1: at least one would not, or it would be held for him.

    Examples:
    clement simulate mail.eml --client 192.0.2.1 --from bob@example.net --to alice@example.org
    swaks --to x@example.org --dump-mail | clement simulate - --client 192.0.2.1 --to alice@example.org
    """
    from clement.cli.simulation import SimulationRequest
    from clement.cli.simulation import simulate as run
    from clement.cli.story import tell
    from clement.config import ListenerKind
    from clement.journal.records import Outcome

    settings = load_settings(config)
    report = run(
        settings,
        SimulationRequest(
            content=read_message(file),
            client=client,
            hello=helo,
            reverse_path=sender.strip("<>"),
            recipients=tuple(to),
            kind=ListenerKind(kind or ("submission" if auth_as else "mx")),
            tls=tls or bool(auth_as),
            login=auth_as,
        ),
    )
    if json:
        print_json([report])
    else:
        print_lines(tell(report.session, report.session.transcript, report.transactions))
        if report.split:
            print_lines([("", ""), (SPLIT, "yellow")])
    accepted = [
        recipient
        for transaction in report.transactions
        for recipient in transaction.recipients
        if recipient.outcome is Outcome.ACCEPTED
    ]
    if len(accepted) < len(to):
        raise typer.Exit(ExitCode.NEGATIVE)


def read_message(file: Path) -> bytes:
    """The message with the line ends of SMTP. Raises Failure."""
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None
    if len(content) > MAX_CONTENT_BYTES:
        raise Failure(ExitCode.USAGE, f"{file} is larger than any message can be")
    return with_crlf(content)


def with_crlf(content: bytes) -> bytes:
    """A file of this machine as content: lone LFs become CRLF, unless the file has CRLF already."""
    if b"\r\n" not in content:
        content = content.replace(b"\n", b"\r\n")
    return content if not content or content.endswith(b"\r\n") else content + b"\r\n"
