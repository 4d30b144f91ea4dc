"""A directory survives being written down; octets that are none say so."""

from __future__ import annotations

from ipaddress import ip_network

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.policy import directory as model
from clement.policy.directive import Action, Directive, Origin, Scope
from clement.policy.directory import Directory, DirectoryContents
from clement.policy.directory_codec import DirectoryUnreadable, decode, encode
from clement.policy.network import ClientNetwork, ListedServer, ListOrigin, Network, Standing
from clement.policy.reputation import Kind, Reputation
from tests.policy.samples import CONTENTS

text = st.text(max_size=20)
ids = st.integers(0, 2**62)
seconds = st.integers(0, 2**40)
networks = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ip_network(f"{address}/{length}", strict=False)
    )
)
fallbacks = st.sampled_from(model.Fallback)
policies = st.builds(
    model.GroupPolicy,
    size_limit_bytes=ids,
    scan_content=st.booleans(),
    scanner_unavailable=fallbacks,
    unscannable=fallbacks,
    verify_recipients=st.booleans(),
    unresolvable_sender=fallbacks,
    implausible_hello=fallbacks,
    bare_line_endings=fallbacks,
    spf_fail=fallbacks,
    spf_permerror=fallbacks,
    dmarc_reject=fallbacks,
    dmarc_quarantine=fallbacks,
    unverified_reverse_name=fallbacks,
    dns_listed=fallbacks,
    greylisting=st.sampled_from(model.Greylisting),
    greylisting_delay_s=ids,
    greylisting_window_s=ids,
    executable_attachment=fallbacks,
    script_attachment=fallbacks,
    macro_document=fallbacks,
    disk_image=fallbacks,
    active_page=fallbacks,
    encrypted_archive=fallbacks,
    unreadable_archive=fallbacks,
    disguised_attachment=fallbacks,
    unreadable_content=fallbacks,
    refused_attachment_names=text,
    subject_prefix=text,
)
next_hops = st.builds(
    model.NextHop,
    text,
    st.integers(1, 65535),
    ids,
    st.sampled_from(model.Wire),
    st.sampled_from(model.TlsUse),
)
groups = st.builds(
    model.Group,
    ids,
    text,
    st.sampled_from(model.Mode),
    st.sampled_from(model.Storage),
    st.lists(next_hops, max_size=2).map(tuple),
    policies,
)
directives = st.builds(
    Directive,
    ids,
    st.sampled_from(Scope),
    text,
    st.sampled_from(Action),
    text,
    text,
    st.none() | networks,
    st.sampled_from(Origin),
    st.booleans(),
    seconds,
    text,
)
client_networks = st.builds(
    ClientNetwork,
    ids,
    networks,
    st.sampled_from(Standing),
    text,
    st.booleans(),
    seconds,
    st.sampled_from(ListOrigin),
    text,
)


def server(network: Network, standing: Standing, origin: ListOrigin, why: str) -> ListedServer:
    return ListedServer(3, network.network_address.packed, network.prefixlen, standing, origin, 7, why)


servers = st.builds(server, networks, st.sampled_from(Standing), st.sampled_from(ListOrigin), text)
reputations = st.builds(Reputation, st.sampled_from(Kind), text, st.floats(-4, 4), ids, ids)


def several(one: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(one, max_size=3).map(tuple)


contents = st.builds(
    DirectoryContents,
    version=ids,
    groups=several(groups),
    domains=several(st.builds(model.Domain, ids, text, ids, text, text)),
    mailboxes=several(st.builds(model.LocalMailbox, ids, text, text, ids, st.none() | ids)),
    aliases=several(st.builds(model.Alias, text, st.lists(text, max_size=3).map(tuple))),
    persons=several(st.builds(model.Person, ids, text, text, st.frozensets(text, max_size=3))),
    directives=several(directives),
    networks=several(client_networks),
    servers=several(servers),
    reputations=several(reputations),
)


@given(contents)
def test_what_was_written_is_read_again(written: DirectoryContents) -> None:
    assert decode(encode(Directory(written))).contents == written


def test_a_directory_that_was_read_answers_as_before() -> None:
    read = decode(encode(Directory(CONTENTS)))
    assert read.version == 7
    for address in ("anna@local.example", "both@local.example", "x@relay.example", "x@else.example"):
        local_part, _, domain = address.rpartition("@")
        assert read.route(local_part, domain) == Directory(CONTENTS).route(local_part, domain)


@given(st.binary(max_size=200))
def test_octets_that_are_no_directory_say_so(octets: bytes) -> None:
    with pytest.raises(DirectoryUnreadable):
        decode(octets)


@given(st.integers(0, 10_000))
def test_a_directory_that_was_cut_short_says_so(at: int) -> None:
    octets = encode(Directory(CONTENTS))
    with pytest.raises(DirectoryUnreadable):
        decode(octets[: at % len(octets)])


@pytest.mark.parametrize(
    ("part", "row"),
    [
        ("networks", {"network": "not a network", "standing": "banned", "id": 1}),
        ("networks", {"network": "192.0.2.0/24", "standing": "adored", "id": 1}),
        ("networks", {"standing": "banned"}),
        ("servers", [1, b"abc", 8, "banned", "history", 0, ""]),
        ("servers", [1, b"abcd", 33, "banned", "history", 0, ""]),
        ("reputations", ["client", 7]),
        ("directives", {"scope": 0}),
        ("groups", {"id": "one"}),
    ],
)
def test_a_row_of_another_shape_says_so(part: str, row: object) -> None:
    written = msgspec.msgpack.decode(encode(Directory()))
    written[part] = [row]
    with pytest.raises(DirectoryUnreadable):
        decode(msgspec.msgpack.encode(written))
