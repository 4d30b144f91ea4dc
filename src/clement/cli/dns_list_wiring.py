"""DNS lists put together: from [[dns_list]] to the port that policy asks."""

from __future__ import annotations

from collections.abc import Callable

from clement.config.dns_list import DnsListSettings
from clement.config.settings import Settings
from clement.net.dns_lists import AskedLists, ListReporter, ListTimes
from clement.net.resolver import DnsResolver
from clement.policy.dns_list import DnsList


def zones(settings: Settings) -> list[str]:
    """The lists by their zones, as they are asked."""
    return [each.zone.lower() for each in settings.dns_list]


def dns_lists(
    settings: Settings,
    resolver: DnsResolver,
    new_resolver: Callable[[], DnsResolver],
    reporter: ListReporter,
) -> AskedLists | None:
    """The lists of the configuration, none of them looked at yet; None where there are none."""
    if not settings.dns_list:
        return None
    dns = settings.dns
    return AskedLists(
        [_dns_list(each) for each in settings.dns_list],
        dns.list_threshold,
        resolver,
        new_resolver,
        reporter,
        ListTimes(dns.list_test_every_s, min(dns.list_retry_s, dns.list_test_every_s)),
    )


def _dns_list(settings: DnsListSettings) -> DnsList:
    return DnsList(
        zone=settings.zone.lower(),
        kind=settings.kind,
        asks=settings.asks,
        codes=settings.codes,
        weight=settings.weight,
        reason_from_txt=settings.reason_from_txt,
        lookup_url=settings.lookup_url,
        timeout_s=settings.timeout_s,
        refusals=settings.refusals,
        has_test_entries=settings.has_test_entries,
        link_name=settings.link_name,
        link_addresses=settings.link_addresses,
        test_name=settings.test_name.lower(),
    )
