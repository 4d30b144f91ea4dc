"""What becomes of DNS lists, in the words of the process log, the metrics and `clement status`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from clement.net.dns_list_health import OUT_OF_USE, Examined, Trust
from clement.telemetry import events as log_events
from clement.telemetry.log import Log
from clement.telemetry.metrics import DnsListSeries, Metrics, dns_list_series

log = Log("dns-lists")

_SERIES = re.compile(r'clement_dns_list_out_of_use\{list="([^"]*)",why="([^"]*)"\}')
_WHY: dict[str, str] = {
    Trust.REFUSES: "it says that we may not ask: use a resolver of your own, or register with it",
    Trust.LISTS_EVERYTHING: "it lists what must not be listed",
    Trust.LISTS_NOTHING: "it does not list its own test entries (RFC 5782 §5)",
    Trust.SILENT: "it does not answer",
}


def list_series(zones: Sequence[str]) -> dict[str, DnsListSeries]:
    """The series of these lists; to be made before `Metrics.open`."""
    return {zone: dns_list_series(zone, tuple(OUT_OF_USE)) for zone in zones}


class DnsListReporter:
    """Implements ListReporter."""

    def __init__(self, series: Mapping[str, DnsListSeries], metrics: Metrics) -> None:
        self._series = series
        self._metrics = metrics

    def changed(self, zone: str, examined: Examined) -> None:
        """Raise the alert of a list that cannot be believed, and end that of one that can."""
        for why, series in self._series[zone].out_of_use.items():
            self._metrics.set(series, why == examined.trust)
        if examined.trust is Trust.TRUSTED:
            log.info(log_events.DNS_LIST_TRUSTED, list=zone, serves=examined.detail)
        else:
            log.warning(
                log_events.DNS_LIST_OUT_OF_USE, list=zone, why=examined.trust, explanation=examined.detail
            )

    def odd(self, zone: str, answer: str) -> None:
        """Tell once what the list made of us."""
        log.warning(log_events.DNS_LIST_ODD_ANSWER, list=zone, answer=answer)

    def listed(self, zone: str) -> None:
        """Count."""
        self._metrics.add(self._series[zone].listed)

    def failed(self, zone: str) -> None:
        """Count."""
        self._metrics.add(self._series[zone].failed)


class Unreported:
    """For a session that never happened: nothing is told."""

    def changed(self, zone: str, examined: Examined) -> None:
        return None

    def odd(self, zone: str, answer: str) -> None:
        return None

    def listed(self, zone: str) -> None:
        return None

    def failed(self, zone: str) -> None:
        return None


def list_alerts(counted: Mapping[str, int]) -> list[str]:
    """A line for each list that receivers do not ask just now."""
    found = [(_SERIES.fullmatch(name), receivers) for name, receivers in counted.items() if receivers]
    return [
        f"DNS list {match[1]} is out of use in {receivers} receiver{'s' * (receivers > 1)}: "
        f"{_WHY.get(match[2], match[2])}"
        for match, receivers in found
        if match is not None
    ]
