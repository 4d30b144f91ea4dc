"""What puts mail in doubt, whatever checks there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy.doubt import DOUBTFUL, doubt, in_doubt
from clement.policy.finding import Finding, Result
from clement.policy.reason import RULES

findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from(["spf", "iprev", "dns-list", "hello", "anything"]),
        st.sampled_from(Result),
        st.sampled_from([None, *RULES]),
        weight=st.floats(-10, 10),
    ),
    max_size=6,
)


def test_nothing_found_is_no_doubt() -> None:
    assert not in_doubt([])
    assert not in_doubt([Finding("spf", Result.PASS), Finding("iprev", Result.NONE)])


@pytest.mark.parametrize("result", [Result.FAIL, Result.SOFTFAIL])
def test_one_weak_sign_is_enough_when_nothing_good_outweighs_it(result: Result) -> None:
    assert in_doubt([Finding("iprev", result), Finding("spf", Result.PASS)])
    assert in_doubt([Finding("dns-list", Result.NEUTRAL, weight=DOUBTFUL)])
    assert not in_doubt([Finding("iprev", result), Finding("allow-list", Result.PASS, weight=-3.0)])


def test_what_a_check_sums_up_is_not_counted_twice() -> None:
    listed = [Finding("dns-list", Result.SOFTFAIL, weight=weight) for weight in (2.0, 1.5)]
    summed_up = Finding("dns-list", Result.FAIL, next(iter(RULES)))
    assert doubt([*listed, summed_up]) == doubt(listed) == 3.5
    assert doubt([summed_up]) == doubt([summed_up, summed_up]) > DOUBTFUL


@given(findings)
def test_failing_dns_weighs_nothing(found: list[Finding]) -> None:
    failed = Finding("dns-list", Result.TEMPERROR, weight=5.0)
    assert doubt([*found, failed]) == doubt(found)


@given(findings, st.floats(0.001, 10))
def test_more_against_it_never_makes_it_less_doubtful(found: list[Finding], weight: float) -> None:
    assert doubt([*found, Finding("more", Result.NEUTRAL, weight=weight)]) >= doubt(found)
