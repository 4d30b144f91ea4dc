"""A small site and the facts of sessions with it, each with defaults that nobody could object to."""

from __future__ import annotations

from ipaddress import ip_network

from clement.message.grammar import MessageFacts
from clement.policy.directory import (
    Alias,
    Directory,
    DirectoryContents,
    Domain,
    Group,
    GroupPolicy,
    LocalMailbox,
    Mode,
    NextHop,
    Person,
    Storage,
    Wire,
)
from clement.policy.dns_list import ListAnswer, Subjects
from clement.policy.facts import (
    ContentFacts,
    RecipientContentFacts,
    RecipientFacts,
    SessionFacts,
    TransactionFacts,
)
from clement.policy.network import ClientNetwork, Standing, client_address
from clement.smtp import NULL_REVERSE_PATH, ContentDefects, Mailbox, ReversePath, Service, parse_mailbox

NOW_S = 1_750_000_000.0

STORED = Group(1, "family", Mode.STORE)
RELAYED = Group(2, "office", Mode.RELAY, next_hops=(NextHop("192.0.2.50"),))
LMTP = Group(3, "dovecot", Mode.STORE, Storage.LMTP, (NextHop("/run/lmtp", wire=Wire.LMTP),))

ANNA = LocalMailbox(1, "anna@local.example", "local.example/anna")
BRUNO = LocalMailbox(2, "bruno@local.example", "local.example/bruno")

CONTENTS = DirectoryContents(
    version=7,
    groups=(STORED, RELAYED, LMTP),
    domains=(
        Domain(1, "local.example", STORED.id),
        Domain(2, "relay.example", RELAYED.id),
        Domain(3, "lmtp.example", LMTP.id),
        Domain(4, "all.example", STORED.id, catch_all="anna@local.example", subaddress_separator=""),
    ),
    mailboxes=(ANNA, BRUNO),
    aliases=(
        Alias("both@local.example", ("anna@local.example", "bruno@local.example")),
        Alias("boss@local.example", ("boss@relay.example",)),
        Alias("mixed@local.example", ("anna@local.example", "boss@relay.example")),
        Alias("two@local.example", ("a@relay.example", "b@relay.example")),
        Alias("dead@local.example", ("anna@local.example", "gone@local.example")),
        Alias("far@local.example", ("anna@elsewhere.example",)),
        Alias("loop-a@local.example", ("loop-b@local.example",)),
        Alias("loop-b@local.example", ("loop-a@local.example",)),
    ),
)

ANNA_PERSON = Person(1, "anna", "", frozenset({"anna@local.example", "@own.example"}))
RELAYABLE = ClientNetwork(1, ip_network("192.0.2.0/24"), Standing.RELAYABLE)
NOT_RELAYABLE = ClientNetwork(2, ip_network("192.0.2.9/32"), Standing.NOT_RELAYABLE)
TRUSTED = ClientNetwork(3, ip_network("198.51.100.0/24"), Standing.TRUSTED)
BANNED = ClientNetwork(4, ip_network("203.0.113.0/24"), Standing.BANNED, note="a private remark")
BANNED_FOR_ALL = ClientNetwork(5, ip_network("203.0.113.0/24"), Standing.BANNED, final=True)

STRANGER = "198.18.0.7"


def session(
    client: str = STRANGER,
    *,
    service: Service = Service.SMTP,
    hello: str = "mx.sender.example",
    person: Person | None = None,
    relaying: ClientNetwork | None = None,
    reputation: ClientNetwork | None = None,
    called: str = "",
) -> SessionFacts:
    return SessionFacts(
        client=client_address(client),
        client_text=client,
        service=service,
        directory=Directory(CONTENTS),
        now_s=NOW_S,
        own_names=frozenset({"mx.local.example", "[192.0.2.1]", "[ipv6:2001:db8::1]"}),
        relaying=relaying,
        reputation=reputation,
        hello=hello,
        person=person,
        called=lambda: client_address(called) if called else None,
    )


def transaction(
    reverse_path: str = "ed@sender.example", *, of: SessionFacts | None = None, size_bytes: int = 0
) -> TransactionFacts:
    path: ReversePath = parse_mailbox(reverse_path.encode()) if reverse_path else NULL_REVERSE_PATH
    return TransactionFacts(of or session(), path, size_bytes)


def recipient(address: str = "anna@local.example", *, of: TransactionFacts | None = None) -> RecipientFacts:
    facts = of or transaction()
    path: Mailbox = parse_mailbox(address.encode())
    route = facts.session.directory.route(path.local_part, path.domain)
    return RecipientFacts(facts, path, path.key, route)


def content(
    message: MessageFacts | None = None,
    *,
    defects: ContentDefects = ContentDefects.NONE,
    size_bytes: int = 1000,
) -> ContentFacts:
    return ContentFacts(transaction(), size_bytes, defects, message or MessageFacts(from_count=1))


def content_for(address: str, whole: ContentFacts) -> RecipientContentFacts:
    return RecipientContentFacts(whole, recipient(address, of=whole.transaction))


def policy_with(**settings: object) -> GroupPolicy:
    return GroupPolicy(**settings)  # type: ignore[arg-type]


class NoLists:
    """DNS lists that list nobody."""

    threshold = 0.0
    in_use = False
    reads_content = False

    def begin(self, subjects: Subjects) -> None:
        return None

    def known(self, subjects: Subjects) -> tuple[ListAnswer, ...] | None:
        return ()

    async def ask(self, subjects: Subjects) -> tuple[ListAnswer, ...]:
        return ()

    async def reason(self, answer: ListAnswer) -> str:
        return ""


class NoModel:
    """A learning filter that has learned nothing."""

    def weigh(self, *_what: object) -> None:
        return None
