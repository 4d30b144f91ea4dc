"""The route decides the transport; its target decides who may share a transaction."""

from pathlib import Path

from clement.delivery.routing import Transports
from clement.policy.directory import Domain, Group, Mode, NextHop, Relayed, Storage
from clement.spool.workers import Workers
from tests.delivery.hops import World
from tests.delivery.hops import destination as relayed
from tests.delivery.local import destination as local
from tests.delivery.local import mailbox, transport

HOP, OTHER = NextHop("a.example"), NextHop("b.example")


def test_each_kind_of_route_has_its_transport(tmp_path: Path) -> None:
    maildir, relay, lmtp = transport(tmp_path, Workers()), World().transport, World().transport
    transports = Transports(maildir, relay, lmtp)
    stored_elsewhere = Relayed(
        Group(3, "dovecot", Mode.STORE, Storage.LMTP, (HOP,)), Domain(3, "l.example", 3), "u@l.example"
    )
    assert transports.for_route(local(mailbox(1)).route) is maildir
    assert transports.for_route(relayed(HOP).route) is relay
    assert transports.for_route(stored_elsewhere) is lmtp


def test_who_may_share_a_transaction(tmp_path: Path) -> None:
    maildir, relay = transport(tmp_path, Workers()), World().transport
    assert maildir.target(local(mailbox(1))) == maildir.target(local(mailbox(2)))
    assert relay.target(relayed(HOP, local_part="a")) == relay.target(relayed(HOP, local_part="b"))
    assert relay.target(relayed(HOP)) != relay.target(relayed(HOP, OTHER))
    assert relay.target(relayed(HOP)) != maildir.target(local(mailbox(1)))
