"""What [[dns_list]] means beside the rest: contradictions, and what works and is not wise."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from clement.config.convert import Blame
from clement.config.dns_list import DnsListSettings
from clement.config.endpoint import TcpEndpoint
from clement.config.settings import Settings
from clement.policy.dns_list import Asked, ListKind

_OF_CONTENT = frozenset((Asked.LINK, Asked.AUTHOR))
RESOLV_CONF = Path("/etc/resolv.conf")

# Resolvers for everybody, to which lists answer with "you may not ask" or with nothing.
_OPEN_RESOLVERS = frozenset(
    map(
        ip_address,
        (
            "8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844",
            "1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001",
            "9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9",
            "208.67.222.222", "208.67.220.220",
        ),
    )
)  # fmt: skip


def find_list_contradictions(settings: Settings, blame: Blame) -> None:
    """Note lists that are named twice, ask nothing, or whose codes can never come."""
    seen: dict[str, int] = {}
    for index, each in enumerate(settings.dns_list):
        first = seen.setdefault(each.zone.lower(), index)
        if first != index:
            blame.add(("dns_list", index, "zone"), f"{each.zone} is asked as dns_list[{first + 1}] already")
        if not each.asks:
            blame.add(("dns_list", index, "asks"), "empty; a list that is asked nothing says nothing")
        for number, codes in enumerate(each.codes):
            if not codes.can_match:
                text = f"{codes} can never match: codes lie in 127.0.0.0/8 (RFC 5782 §2.1)"
                blame.add(("dns_list", index, "codes", number), text)
        rest = each.lookup_url.replace("{listed}", "")
        if "{" in rest or "}" in rest or not each.lookup_url.isascii():
            blame.add(
                ("dns_list", index, "lookup_url"), "expected an ASCII URL; {listed} is all that is filled in"
            )


def find_list_cautions(settings: Settings, blame: Blame, resolv_conf: Path = RESOLV_CONF) -> None:
    """Warn of lists that cannot have an effect, and of resolvers that lists do not talk to."""
    if not settings.dns_list:
        return
    blocking = [each for each in settings.dns_list if each.kind is ListKind.BLOCK]
    reachable = max(_reachable(blocking, of_content=False), _reachable(blocking, of_content=True))
    threshold = settings.dns.list_threshold
    if not blocking:
        blame.warn(("dns_list", 0, "kind"), "there are only allow lists, and nothing that they could allow")
    elif reachable < threshold:
        text = f"{threshold:g}: all lists together reach {reachable:g} at most, so nothing is ever refused"
        blame.warn(("dns", "list_threshold"), text)
    asked = [server.host for server in settings.dns.servers if isinstance(server, TcpEndpoint)]
    for host in asked or _of_resolv_conf(resolv_conf):
        if _is_open(host):
            text = (
                f"{host} is a resolver for everybody; most lists refuse to answer it. "
                "Run one of your own, such as unbound"
            )
            blame.warn(("dns", "servers"), text)


def _reachable(blocking: Sequence[DnsListSettings], *, of_content: bool) -> float:
    """The most that lists can say together of a client, or of one name in a content."""
    return sum(
        sum((asked in _OF_CONTENT) is of_content for asked in each.asks)
        * max((codes.weight for codes in each.codes), default=each.weight)
        for each in blocking
    )


def _is_open(host: str) -> bool:
    try:
        return ip_address(host) in _OPEN_RESOLVERS
    except ValueError:
        return False


def _of_resolv_conf(path: Path) -> Sequence[str]:
    """resolv.conf(5): the servers that are asked when none are named."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
