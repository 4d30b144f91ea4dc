"""What an administrator said of a network, and where it counts."""

from __future__ import annotations

import pytest

from clement.policy.checks.client_network import check
from clement.policy.finding import Result
from clement.policy.network import ClientNetwork
from clement.policy.reason import Reason
from clement.smtp import Service
from tests.policy.samples import BANNED, BANNED_FOR_ALL, TRUSTED, session


def test_an_unknown_network_is_no_evidence() -> None:
    assert check(session()) is None


@pytest.mark.parametrize("service", Service)
def test_a_trusted_network_is_noted(service: Service) -> None:
    found = check(session(reputation=TRUSTED, service=service))
    assert found is not None
    assert (found.result, found.reason) == (Result.PASS, None)


@pytest.mark.parametrize(
    ("entry", "service", "reason"),
    [
        (BANNED, Service.SMTP, Reason.NETWORK_UNWELCOME),
        (BANNED, Service.LMTP, Reason.NETWORK_UNWELCOME),
        (BANNED, Service.SUBMISSION, None),
        (BANNED_FOR_ALL, Service.SMTP, Reason.NETWORK_BANNED),
        (BANNED_FOR_ALL, Service.SUBMISSION, Reason.NETWORK_BANNED),
    ],
)
def test_a_ban_counts_and_a_final_one_also_where_people_post(
    entry: ClientNetwork, service: Service, reason: Reason | None
) -> None:
    found = check(session(reputation=entry, service=service))
    assert found is not None
    assert found.reason is reason
    assert "203.0.113.0/24" in found.detail


def test_the_administrator_s_remark_stays_here() -> None:
    found = check(session(reputation=BANNED))
    assert found is not None
    assert BANNED.note not in found.detail
