"""`clement sink`: a next hop for trying things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clement.cli.exit_codes import ExitCode, Failure
from clement.cli.terminal import complain, local_time, print_json, safe, say, size

if TYPE_CHECKING:
    from clement.cli.sink_server import SinkMessage
    from clement.config import Endpoint, TcpEndpoint, UnixEndpoint

    Take = Callable[[SinkMessage, bytes], None]

Patterns = list[str]


def _pattern_option(name: str, text: str) -> Any:  # noqa: ANN401 - as typer.Option
    return typer.Option(name, help=text, metavar="PATTERN")


def sink(
    listen: Annotated[
        str, typer.Option(help="ADDRESS:PORT or unix:PATH; port 0 lets the system choose.", show_default=True)
    ] = "127.0.0.1:2526",
    lmtp: Annotated[bool, typer.Option("--lmtp", help="Speak LMTP instead of SMTP.")] = False,
    hostname: Annotated[str, typer.Option(help="The name in its greeting.")] = "sink.example",
    refuse_recipient: Annotated[
        Patterns, _pattern_option("--refuse-recipient", "Refuse these at RCPT: No such mailbox.")
    ] = ["refuse@*"],  # noqa: B006 - typer copies it
    defer_recipient: Annotated[
        Patterns, _pattern_option("--defer-recipient", "Defer these at RCPT: Mailbox is not available now.")
    ] = ["defer@*"],  # noqa: B006
    refuse_content: Annotated[
        Patterns, _pattern_option("--refuse-content", "Refuse mail for these after its content.")
    ] = ["refuse-data@*"],  # noqa: B006
    defer_content: Annotated[
        Patterns, _pattern_option("--defer-content", "Defer mail for these after its content.")
    ] = ["defer-data@*"],  # noqa: B006
    maildir: Annotated[
        Path | None,
        typer.Option(help="Keep what is accepted in this Maildir.", file_okay=False, show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing for each message.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object for each message.")] = False,
) -> None:
    """Take mail as a next hop would, print a line for each message, and forget it.

    Patterns are compared with the recipient's address (* and ? as in a shell); give an option several
    times for several, or once with nothing that matches, such as "", for none. One reply for several
    recipients is the worst of them; with LMTP and PRDR each has its own.

    Examples:
    clement sink --listen 127.0.0.1:2526 --maildir /tmp/sink
    clement sink --refuse-content '*@tired.example' --json
    """
    import asyncio
    import gc

    from clement.cli.sink_rules import SinkRules
    from clement.cli.sink_server import serve_sink

    gc.enable()
    endpoint = _endpoint(listen)
    rules = SinkRules(refuse_recipient, defer_recipient, refuse_content, defer_content)
    takers = [_keep_in(maildir)] if maildir is not None else []
    if not quiet:
        takers.append(_print_as_json if json else _print_line)

    def take(message: SinkMessage, content: bytes) -> None:
        for taker in takers:
            taker(message, content)

    def announce(address: Endpoint) -> None:
        complain(f"sink: listening on {address}")

    try:
        asyncio.run(serve_sink(endpoint, rules, take, announce, hostname=hostname, is_lmtp=lmtp))
    except OSError as error:
        raise Failure(ExitCode.NEGATIVE, f"cannot listen on {endpoint}: {error.strerror or error}") from None


def _endpoint(text: str) -> TcpEndpoint | UnixEndpoint:
    from clement.config.endpoint import InheritedEndpoint, parse_endpoint

    try:
        endpoint = parse_endpoint(text, Path.cwd())
    except ValueError as error:
        raise Failure(ExitCode.USAGE, f"--listen: {error}") from None
    if isinstance(endpoint, InheritedEndpoint):
        raise Failure(ExitCode.USAGE, "--listen: expected ADDRESS:PORT or unix:PATH")
    return endpoint


def _print_line(message: SinkMessage, _content: bytes) -> None:
    to = ", ".join(message.recipients)
    verdict = "took" if len(message.accepted) == len(message.recipients) else message.reply
    subject = f", {message.subject!r}" if message.subject else ""
    path = f"<{message.reverse_path}> → {to}"
    say(safe(f"{local_time(message.at_s)}  {verdict}  {path}  {size(message.size_bytes)}{subject}", 500))


def _print_as_json(message: SinkMessage, _content: bytes) -> None:
    print_json([message])


def _keep_in(folder: Path) -> Take:
    import mailbox

    maildir = mailbox.Maildir(folder, create=True)

    def keep(message: SinkMessage, content: bytes) -> None:
        if message.accepted:
            maildir.add(b"Return-Path: <%b>\r\n%b" % (message.reverse_path.encode(), content))

    return keep
