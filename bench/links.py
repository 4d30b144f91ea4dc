"""What links, author's name and rules cost a message: CPU time of the three checks, without the network.

    python bench/links.py [--profile]

A 10 kB text with twenty links, as a newsletter has them, to one recipient of a site with a thousand domains
and ten rules of its own: three for the subject, two for header fields, five for the body.  Every message has
other link targets, since those of newsletters are each used once.  The least of many short batches.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address

from clement.message.grammar import examine
from clement.message.reading import Link, Origin, Reading, Text
from clement.policy.checks import author_name, links, rules
from clement.policy.content_rule import ContentRule, Field, RuleAction
from clement.policy.directive import Scope
from clement.policy.directory import Directory, DirectoryContents, Domain, Group, LocalMailbox, Mode
from clement.policy.facts import (
    ContentFacts,
    RecipientContentFacts,
    RecipientFacts,
    SessionFacts,
    TransactionFacts,
)
from clement.policy.study import ContentStudy
from clement.smtp import ContentDefects, Service, parse_mailbox

HEADER = (
    b"From: Offers of a Week <news@shop.test>\r\nTo: Anna <anna@d1.example>\r\nSubject: Forty new things\r\n"
    b"Reply-To: <answers@shop.test>\r\nMessage-ID: <1@shop.test>\r\nX-Mailer: Mailings 3.1\r\n"
    b"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n"
)
WORDS = "Some words of a letter that nobody reads to its end, with an offer in every line.\n" * 125
HOSTS = ("click.shop.test", "www.shop.test", "social.test", "help.shop.test")
SHOWN = ("Read more", "https://www.shop.test/offers", "View in browser", "Unsubscribe")
PATTERNS = (
    (Field.SUBJECT, "", r"casino|lottery|jackpot"),
    (Field.SUBJECT, "", r"^\[adv(ertisement)?\]"),
    (Field.SUBJECT, "", r"invoice +[0-9]{6,}"),
    (Field.HEADER, "x-mailer", r"bulk(blaster|o-matic)"),
    (Field.HEADER, "list-id", r"\.spam\.example>"),
    (Field.BODY, "", r"wire +transfer.{0,40}urgent"),
    (Field.BODY, "", r"\bbitcoin\b.*\bwallet\b"),
    (Field.BODY, "", r"you have won [0-9,.]+ (dollars|euros)"),
    (Field.BODY, "", r"click (here|below) within [0-9]+ hours"),
    (Field.BODY, "", r"dear (customer|user|beneficiary)"),
)


def site() -> Directory:
    written = [
        ContentRule(number, Scope.SITE, "", f"r{number}", field, pattern, RuleAction.REFUSE, header)
        for number, (field, header, pattern) in enumerate(PATTERNS, 1)
    ]
    return Directory(
        DirectoryContents(
            version=1,
            groups=(Group(1, "all", Mode.STORE),),
            domains=tuple(Domain(number, f"d{number}.example", 1) for number in range(1, 1001)),
            mailboxes=(LocalMailbox(1, "anna@d1.example", "anna"),),
            content_rules=tuple(written),
        )
    )


class Bench:
    """Messages for one recipient, each judged once."""

    def __init__(self) -> None:
        self.directory = site()
        self.client = ip_address("198.18.0.10")
        self.message = examine(HEADER)
        self.address = parse_mailbox(b"anna@d1.example")
        self.route = self.directory.route("anna", "d1.example")
        self.rules = rules.check_with()
        self.serial = 0

    def contents(self, count: int) -> list[RecipientContentFacts]:
        return [self._content() for _ in range(count)]

    def _content(self) -> RecipientContentFacts:
        self.serial += 1
        found = tuple(
            Link(f"https://{HOSTS[n % 4]}/t/{self.serial}/{n}?u=17", SHOWN[n % 4], Origin.ANCHOR)
            for n in range(20)
        )
        session = SessionFacts(self.client, "198.18.0.10", Service.SMTP, self.directory, 1.0)
        transaction = TransactionFacts(session, parse_mailbox(b"b@bounce.shop.test"))
        content = ContentFacts(transaction, 10_000, ContentDefects.NONE, self.message)
        content.study = ContentStudy(reading=Reading(texts=(Text("1", html=True, text=WORDS),), links=found))
        content.header_block = HEADER
        recipient = RecipientFacts(transaction, self.address, "anna@d1.example", self.route)
        return RecipientContentFacts(content, recipient)

    def all_three(self, facts: RecipientContentFacts) -> None:
        links.check(facts.content)
        author_name.check(facts)
        if self.rules(facts) is not None:
            raise RuntimeError("not what is to be measured: a rule matches, or its match has to wait")

    def links_alone(self, facts: RecipientContentFacts) -> None:
        links.check(facts.content)

    def name_alone(self, facts: RecipientContentFacts) -> None:
        author_name.check(facts)

    def rules_alone(self, facts: RecipientContentFacts) -> None:
        self.rules(facts)


def cost_us(bench: Bench, work: Callable[[RecipientContentFacts], None], batches: int = 200) -> float:
    spent = []
    for _batch in range(batches):
        contents = bench.contents(50)
        started_s = time.process_time()
        for facts in contents:
            work(facts)
        spent.append((time.process_time() - started_s) / len(contents) * 1e6)
    return min(spent)


def main() -> None:
    started_s = time.process_time()
    bench = Bench()
    print(f"a directory of 1000 domains and 10 rules: {(time.process_time() - started_s) * 1e3:.1f} ms CPU")
    for name, work in (
        ("links, author's name and rules", bench.all_three),
        ("links", bench.links_alone),
        ("author's name", bench.name_alone),
        ("rules", bench.rules_alone),
    ):
        print(f"{name}: {cost_us(bench, work):.1f} us CPU")
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.enable()
        cost_us(bench, bench.all_three)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
