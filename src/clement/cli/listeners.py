"""From configured listeners to open ones: bound sockets, what is offered behind them, their certificates."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from clement.config.endpoint import (
    LONGEST_UNIX_ADDRESS,
    Endpoint,
    InheritedEndpoint,
    TcpEndpoint,
    UnixEndpoint,
)
from clement.config.limits import LimitSettings
from clement.config.listener import ListenerKind, ListenerSettings
from clement.config.settings import Settings, TlsVersion
from clement.policy.mesh.proof import certificate_hash
from clement.server.gate import Listening
from clement.server.peer import Door
from clement.server.receiver import BACKLOG, OpenListener
from clement.server.systemd import activated_sockets
from clement.server.tls import server_context
from clement.smtp import Extensions, ProtocolLimits, Service, replies

SOCKET_MODE = 0o660
TAKEN_PATIENCE_S = 3.0

SERVICES = {
    ListenerKind.MX: Service.SMTP,
    ListenerKind.SUBMISSION: Service.SUBMISSION,
    ListenerKind.SUBMISSIONS: Service.SUBMISSION,
    ListenerKind.LMTP: Service.LMTP,
}
_TLS_VERSIONS = {TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3}


class ListenerFault(Exception):
    """A listener cannot be opened; the message names it and says why."""


class Opened(msgspec.Struct, frozen=True):
    """What one configuration listens on: for mail, and for the web pages where it has them."""

    listeners: list[OpenListener]
    web: socket.socket | None
    sockets: dict[Endpoint, socket.socket]

    @property
    def unix_sockets(self) -> list[Path]:
        """Those that are files, which belong to whoever has opened them."""
        return [endpoint.path for endpoint in self.sockets if isinstance(endpoint, UnixEndpoint)]


class Sockets:
    """The listening sockets, kept across reloads so that an address that stays is never closed.

    A reload opens the new ones beside the old; which of them go is known only once it has succeeded
    (`adopt`) or failed (`discard`).
    """

    def __init__(self) -> None:
        self._open: dict[Endpoint, socket.socket] = {}
        self._inherited = activated_sockets()

    def open(self, settings: Settings) -> Opened:
        """Open what the settings name and is not open yet. Raises ListenerFault, and then opened nothing."""
        opened: dict[Endpoint, socket.socket] = {}
        web = settings.web.address
        addresses = [listener.address for listener in settings.listener]
        try:
            for address in addresses if web is None else [*addresses, web]:
                opened[address] = self._open.get(address) or self._listen(address)
            listeners = [open_listener(settings, each, opened[each.address]) for each in settings.listener]
        except ListenerFault:
            _close_all(opened, keep=self._open)
            raise
        return Opened(listeners, None if web is None else opened[web], opened)

    def adopt(self, opened: Opened) -> None:
        """These are in force: close those of before that they do not name."""
        _close_all(self._open, keep=opened.sockets)
        self._open = opened.sockets

    def discard(self, opened: Opened) -> None:
        """These did not come into force: close those that were not open before."""
        _close_all(opened.sockets, keep=self._open)

    def _listen(self, endpoint: Endpoint) -> socket.socket:
        try:
            return self._bind(endpoint)
        except OSError as fault:
            raise ListenerFault(f"cannot listen on {endpoint}: {fault.strerror or fault}") from fault

    def _bind(self, endpoint: Endpoint) -> socket.socket:
        match endpoint:
            case TcpEndpoint(host, port):
                return patiently(lambda: bind_tcp(host, port))
            case UnixEndpoint(path):
                return bind_unix(path)
            case InheritedEndpoint(name):
                return self._inherit(name)

    def _inherit(self, name: str) -> socket.socket:
        """The one socket of this name: on a second one clients would wait for ever to be greeted."""
        passed = self._inherited.get(name, [])
        if not passed:
            raise OSError(f"systemd passed no socket named {name!r}")
        if len(passed) > 1:
            raise OSError(
                f"systemd passed {len(passed)} sockets named {name!r}: each ListenStream= needs a unit "
                "and a FileDescriptorName= of its own"
            )
        inherited = socket.socket(fileno=os.dup(passed[0]))
        inherited.setblocking(False)
        return inherited


def patiently(bind: Callable[[], socket.socket]) -> socket.socket:
    """Bind, and try again for a while where the address is taken.

    After a supervisor was killed its receivers hold the address until they have heard of it.
    """
    until_s = time.monotonic() + TAKEN_PATIENCE_S
    while True:
        try:
            return bind()
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE or time.monotonic() > until_s:
                raise
        time.sleep(0.1)


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket. An IPv6 one takes no IPv4 clients: those have a listener of their own."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listening.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def bind_unix(path: Path, mode: int = SOCKET_MODE) -> socket.socket:
    """A listening Unix socket; it takes the place of one that is there, and somebody listens at any moment.

    Who listens on the old one keeps it, with the connections that were made to it.
    """
    if len(os.fsencode(path)) > LONGEST_UNIX_ADDRESS:
        # Nobody could connect, although binding under a shorter name and renaming succeed.
        raise OSError(errno.ENAMETOOLONG, "AF_UNIX path too long")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short, so that it fits where the name itself does.
    fresh = path.with_name(f".{os.getpid():x}")
    fresh.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(fresh))
        fresh.chmod(mode)
        listening.listen(BACKLOG)
        listening.setblocking(False)
        fresh.rename(path)
    except OSError:
        listening.close()
        fresh.unlink(missing_ok=True)
        raise
    return listening


def _close_all(sockets: Mapping[Endpoint, socket.socket], keep: Mapping[Endpoint, socket.socket]) -> None:
    for endpoint, each in sockets.items():
        if keep.get(endpoint) is not each:
            each.close()


def open_listener(settings: Settings, listener: ListenerSettings, listening: socket.socket) -> OpenListener:
    """What is offered behind one listener. Raises ListenerFault for a certificate that cannot be used."""
    context = _context(settings, listener)
    implicit = listener.kind is ListenerKind.SUBMISSIONS
    if implicit and context is None:
        raise ListenerFault(f"{listener.address}: a submissions listener needs a certificate")
    door = Door(
        label=listener.service,
        service=SERVICES[listener.kind],
        greeting=replies.SERVICE_READY.with_text(
            f"{settings.site.hostname} {_greeting(listener.kind)} Clement"
        ),
        certificate=_certificate_hash(settings, listener),
    )
    return OpenListener(
        listening,
        Listening(
            door=door,
            offer=_offer(settings.limits, listener.kind, tls=context is not None, implicit=implicit),
            protocol_limits=protocol_limits(settings.limits),
            tls=context,
            implicit_tls=implicit,
        ),
        listener.proxy_protocol_from,
    )


def _certificate_hash(settings: Settings, listener: ListenerSettings) -> str:
    """How peers of the mesh know an mx listener; "" where there is nothing to know, or no mesh."""
    certificate = listener.certificate or settings.tls.certificate
    if certificate is None or listener.kind is not ListenerKind.MX or not settings.mesh.enabled:
        return ""
    try:
        return certificate_hash(ssl.PEM_cert_to_DER_cert(_first_certificate(certificate.read_text("ascii"))))
    except (OSError, ValueError) as fault:
        raise ListenerFault(f"{listener.address}: certificate {certificate}: {fault}") from fault


def _first_certificate(pem: str) -> str:
    """The server's own of a chain (RFC 8446 §4.4.2: it comes first)."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return f"{begin}{pem.partition(begin)[2].partition(end)[0]}{end}"


def _greeting(kind: ListenerKind) -> str:
    return "LMTP" if kind is ListenerKind.LMTP else "ESMTP"


def _context(settings: Settings, listener: ListenerSettings) -> ssl.SSLContext | None:
    certificate = listener.certificate or settings.tls.certificate
    key = listener.key or settings.tls.key
    if certificate is None or key is None:
        return None
    try:
        return server_context(certificate, key, _TLS_VERSIONS[settings.tls.minimum_version])
    except (OSError, ssl.SSLError) as fault:
        raise ListenerFault(f"{listener.address}: certificate {certificate}: {fault}") from fault


def _offer(limits: LimitSettings, kind: ListenerKind, *, tls: bool, implicit: bool) -> Extensions:
    """AUTH is offered where people post, and under TLS alone; other servers have no business logging in."""
    posting = kind in (ListenerKind.SUBMISSION, ListenerKind.SUBMISSIONS)
    return Extensions(
        size_limit_bytes=limits.size_bytes,
        prdr=kind is not ListenerKind.LMTP,
        starttls=tls and not implicit,
        auth_mechanisms=("PLAIN", "LOGIN") if posting and tls else (),
        rcpt_max=limits.recipients,
        mail_max=limits.transactions,
    )


def protocol_limits(limits: LimitSettings) -> ProtocolLimits:
    """The limits that the protocol core counts; 0 unknown recipients are as many as one likes."""
    return ProtocolLimits(
        command_line_octets=limits.command_line_bytes,
        auth_line_octets=limits.auth_line_bytes,
        recipients=limits.recipients,
        transactions=limits.transactions,
        errors=limits.errors,
        refusals=limits.unknown_recipients or sys.maxsize,
        idle_commands=limits.idle_commands,
    )
