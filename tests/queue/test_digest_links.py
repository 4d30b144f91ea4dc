"""Links that act on held mail cannot be made, changed or used late by anybody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.queue.digest.links import Deed, HeldLink, LinkUnusable, sign, verify

KEY = bytes(range(32))
LINK = HeldLink(Deed.RELEASE, "01K2-7", "ann@local.example", 2_000_000_000)


@given(
    st.sampled_from(Deed),
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=120),
    st.integers(1, 2**60),
)
def test_what_was_signed_is_read_back(deed: Deed, held: str, recipient: str, expires_s: int) -> None:
    link = HeldLink(deed, held, recipient, expires_s)
    assert verify(sign(link, KEY), KEY, expires_s - 1) == link


def test_a_link_ends_at_its_time() -> None:
    with pytest.raises(LinkUnusable) as caught:
        verify(sign(LINK, KEY), KEY, LINK.expires_s)
    assert caught.value.expired


def test_a_link_of_another_site_is_worth_nothing() -> None:
    with pytest.raises(LinkUnusable) as caught:
        verify(sign(LINK, bytes(32)), KEY, 0)
    assert not caught.value.expired


@given(st.binary(max_size=80), st.integers(0, 200))
def test_no_changed_token_is_believed(noise: bytes, position: int) -> None:
    token = sign(LINK, KEY)
    changed = token[:position] + noise.decode("latin-1") + token[position + len(noise) :]
    if changed == token:
        return
    with pytest.raises(LinkUnusable):
        verify(changed, KEY, 0)


@given(st.text(max_size=900))
def test_any_text_is_a_link_or_refused(token: str) -> None:
    with pytest.raises(LinkUnusable):
        verify(token, KEY, 0)


def test_each_deed_has_a_token_of_its_own() -> None:
    tokens = {sign(HeldLink(deed, LINK.held, LINK.recipient, LINK.expires_s), KEY) for deed in Deed}
    assert len(tokens) == len(Deed)
