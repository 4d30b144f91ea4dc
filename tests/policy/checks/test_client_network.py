"""What an administrator said of a network, and where it counts."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from clement.policy.checks.client_network import WHY_CHARS, check, check_with
from clement.policy.finding import Result
from clement.policy.network import ClientNetwork, ListOrigin, Standing
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


def by_steward(network: str, why: str = "214 viruses since 2026-11-01") -> ClientNetwork:
    return ClientNetwork(7, ip_network(network), Standing.BANNED, origin=ListOrigin.HISTORY, why=why)


def test_a_server_that_the_steward_banned_is_told_why_and_whom_to_ask() -> None:
    found = check_with("postmaster@mx.local.example")(session(reputation=by_steward("203.0.113.9/32")))
    assert found is not None
    assert found.reason is Reason.SERVER_BANNED
    assert found.detail == (
        f"{session().client_text} is banned from this server: 214 viruses since 2026-11-01; "
        "write to postmaster@mx.local.example"
    )


def test_a_whole_network_is_called_one() -> None:
    found = check(session(reputation=by_steward("203.0.113.0/24", "")))
    assert found is not None
    assert found.detail == "The network 203.0.113.0/24 is banned from this server"


def test_the_reason_is_bounded() -> None:
    found = check(session(reputation=by_steward("203.0.113.9/32", "x" * 1000)))
    assert found is not None
    assert len(found.detail) < WHY_CHARS + 60


def test_what_the_steward_banned_may_still_log_in() -> None:
    found = check(session(reputation=by_steward("203.0.113.9/32"), service=Service.SUBMISSION))
    assert found is not None
    assert found.reason is None
