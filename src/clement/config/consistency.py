"""What one setting means for another. Pure: looks at values, never at the machine."""

from __future__ import annotations

import re

from clement.config.convert import Blame, dotted
from clement.config.endpoint import InheritedEndpoint, TcpEndpoint, UnixEndpoint
from clement.config.listener import ListenerKind
from clement.config.locate import KeyPath
from clement.config.settings import Settings
from clement.policy.digest_schedule import ScheduleUnusable, parse_schedule
from clement.policy.mesh.lifetime import LONGEST_LIFE_S
from clement.smtp import Mailbox, parse_mailbox
from clement.smtp.address import AddressError


def find_contradictions(settings: Settings, blame: Blame) -> None:
    """Note every contradiction between settings that are each right by themselves."""
    _check_site_addresses(settings, blame)
    _check_listeners(settings, blame)
    _check_certificates(settings, blame)
    _check_times(settings, blame)
    _check_reachable(settings, blame)
    _check_sealing(settings, blame)
    _check_mesh(settings, blame)
    _check_digest(settings, blame)
    _check_learning(settings, blame)
    _check_object_store(settings, blame)
    _check_score(settings, blame)


def _check_score(settings: Settings, blame: Blame) -> None:
    score = settings.score
    if 0 < score.refuse_at <= score.quarantine_at:
        blame.add(("score", "refuse_at"), "not above quarantine_at, so that nothing would ever be held")


def _check_site_addresses(settings: Settings, blame: Blame) -> None:
    """Whom strangers are told to write to, and who writes to our own people."""
    site, author = settings.site, settings.digest.author
    named: list[tuple[KeyPath, str]] = [
        (("site", "postmaster" if site.postmaster else "hostname"), site.postmaster_address),
        *([(("digest", "author"), author)] if author else []),
    ]
    for path, address in named:
        _parse_address(address, path, blame)


def _parse_address(address: str, path: KeyPath, blame: Blame) -> Mailbox | None:
    try:
        return parse_mailbox(address.encode("utf-8"), smtputf8=True)
    except AddressError as fault:
        blame.add(path, f"expected an address, found {address!r} ({fault})")
        return None


def _check_listeners(settings: Settings, blame: Blame) -> None:
    if not settings.listener:
        blame.add(("listener",), "missing; at least one is needed")
    seen: dict[str, int] = {}
    for index, listener in enumerate(settings.listener):
        address = listener.address
        is_chosen_later = isinstance(address, TcpEndpoint) and address.port == 0
        first = seen.setdefault(str(address), index)
        if first != index and not is_chosen_later:
            blame.add(("listener", index, "address"), f"{address} is taken by listener[{first + 1}] already")
        if listener.proxy_protocol_from and isinstance(address, UnixEndpoint):
            blame.add(("listener", index, "proxy_protocol_from"), "a Unix socket has no client networks")
    web = settings.web.address
    if web is not None and str(web) in seen:
        blame.add(("web", "address"), f"{web} is taken by listener[{seen[str(web)] + 1}] already")


def _check_certificates(settings: Settings, blame: Blame) -> None:
    _check_pair(settings.tls.certificate, settings.tls.key, ("tls",), blame)
    for index, listener in enumerate(settings.listener):
        _check_pair(listener.certificate, listener.key, ("listener", index), blame)
        has_certificate = listener.certificate is not None or settings.tls.certificate is not None
        if listener.kind in (ListenerKind.SUBMISSION, ListenerKind.SUBMISSIONS) and not has_certificate:
            text = f"{listener.kind.value} needs a certificate: passwords never travel without TLS"
            blame.add(("listener", index, "kind"), text)


def _check_pair(certificate: object, key: object, table: KeyPath, blame: Blame) -> None:
    if (certificate is None) == (key is None):
        return
    present, absent = ("key", "certificate") if certificate is None else ("certificate", "key")
    blame.add((*table, present), f"a {present} is of no use without its {absent}")


def _check_times(settings: Settings, blame: Blame) -> None:
    scanner, limits = settings.scanner, settings.limits
    if not scanner.enabled:
        return
    longest = scanner.wait_timeout_s + scanner.timeout_s
    if longest > limits.data_done_timeout_s:
        text = (
            f"wait_timeout_s and timeout_s together ({longest:g} s) exceed limits.data_done_timeout_s "
            f"({limits.data_done_timeout_s:g} s): the client would have gone"
        )
        blame.add(("scanner", "timeout_s"), text)
    if not scanner.addresses:
        blame.add(("scanner", "addresses"), "missing; name a clamd, or set enabled = false")


def _check_reachable(settings: Settings, blame: Blame) -> None:
    """A socket passed by systemd can be listened on, not asked."""
    for table, key, endpoints in (
        ("scanner", "addresses", settings.scanner.addresses),
        ("dns", "servers", settings.dns.servers),
    ):
        for index, endpoint in enumerate(endpoints):
            if isinstance(endpoint, InheritedEndpoint):
                blame.add((table, key, index), f"{endpoint} can be listened on, but not asked")
    if any(isinstance(endpoint, UnixEndpoint) for endpoint in settings.dns.servers):
        blame.add(("dns", "servers"), 'expected "ADDRESS:PORT" of a resolver')


def _check_mesh(settings: Settings, blame: Blame) -> None:
    """A peer stands in the mesh once: a second entry would be a second voice."""
    if settings.mesh.life_s > LONGEST_LIFE_S:
        blame.add(("mesh", "life_s"), f"no assertion may live longer than {LONGEST_LIFE_S} s (docs/mesh.md)")
    for key in ("name", "public_key"):
        seen: dict[str, int] = {}
        for index, peer in enumerate(settings.mesh.peer):
            value = getattr(peer, key)
            first = seen.setdefault(value, index)
            if first != index:
                blame.add(("mesh", "peer", index, key), f"is that of mesh.peer[{first + 1}] already")


def _check_learning(settings: Settings, blame: Blame) -> None:
    """Addresses are addresses, each for one purpose; a folder is a folder's name."""
    learning = settings.learning
    given: list[tuple[KeyPath, str]] = [
        (("learning", "report_spam"), learning.report_spam),
        (("learning", "report_ham"), learning.report_ham),
        *((("learning", "traps", index), trap) for index, trap in enumerate(learning.traps)),
    ]
    seen: dict[str, str] = {}
    for path, address in given:
        if not address and path[1] != "traps":
            continue
        mailbox = _parse_address(address, path, blame)
        if mailbox is not None and seen.setdefault(mailbox.key, dotted(path)) != dotted(path):
            blame.add(path, f"{address} is {seen[mailbox.key]} already")
    for index, name in enumerate(learning.junk_folders):
        if not name or "/" in name or name.startswith("."):
            blame.add(("learning", "junk_folders", index), f"expected the name of a folder, found {name!r}")


def _check_sealing(settings: Settings, blame: Blame) -> None:
    """Sealing needs all three."""
    given = settings.authentication
    wanted = {"arc_domain": given.arc_domain, "arc_selector": given.arc_selector, "arc_key": given.arc_key}
    missing = [name for name, value in wanted.items() if not value]
    if 0 < len(missing) < len(wanted):
        blame.add(("authentication", missing[0]), "missing; it is needed to seal")


def _check_digest(settings: Settings, blame: Blame) -> None:
    digest, url = settings.digest, settings.web.url
    if digest.schedule:
        try:
            parse_schedule(digest.schedule)
        except ScheduleUnusable as reason:
            blame.add(("digest", "schedule"), str(reason))
    if digest.language not in ("en", "fr"):
        blame.add(("digest", "language"), f"{digest.language}: digests speak en and fr")
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~\-]+)*", url):
        blame.add(("web", "url"), f'{url}: expected a URL such as "https://mail.example.org"')


def _check_object_store(settings: Settings, blame: Blame) -> None:
    """A store without a bucket or a key cannot be asked."""
    store = settings.object_store
    if store.endpoint:
        for key in ("bucket", "access_key", "secret"):
            if not getattr(store, key):
                blame.add(("object_store", key), "needed where object_store.endpoint is set")
