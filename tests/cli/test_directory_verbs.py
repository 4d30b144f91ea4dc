"""Groups, domains, mailboxes, aliases, persons, directives, networks: add, list, show, change, remove."""

from __future__ import annotations

import re
import time

import pytest

from tests.cli.conftest import Shell


def test_a_site_is_made_changed_and_taken_down_by_hand(shell: Shell) -> None:
    shell.run("group", "add", "family")
    shell.run("domain", "add", "Example.ORG", "--group", "family")
    shell.run("mailbox", "add", "alice@example.org", "--quota", "2GiB")
    shell.run("alias", "add", "info@example.org", "alice@example.org")
    shell.run("domain", "change", "example.org", "--catch-all", "alice@example.org", "--separator", "-")
    (domain,) = shell.json("domain", "show", "example.org")
    assert (domain["catch_all"], domain["subaddress_separator"]) == ("alice@example.org", "-")
    assert shell.json("mailbox", "show", "alice@example.org")[0]["quota_bytes"] == 2 * 1024**3
    shell.run("domain", "change", "example.org", "--catch-all", "")
    assert "alias info@example.org points to it" in shell.refusal(
        "mailbox", "remove", "alice@example.org", code=1
    )
    shell.run("alias", "remove", "info@example.org")
    shell.run("mailbox", "remove", "alice@example.org")
    shell.run("domain", "remove", "example.org")
    shell.run("group", "remove", "family")
    assert [row["name"] for row in shell.json("group", "list")] == ["local", "relay"]


@pytest.mark.parametrize(
    "words",
    [
        ("group", "show", "nobody"),
        ("domain", "show", "nobody.example"),
        ("mailbox", "show", "nobody@local.example"),
        ("alias", "change", "nobody@local.example", "anna@local.example"),
        ("person", "remove", "nobody"),
        ("directive", "show", "999"),
        ("network", "remove", "192.0.2.0/24"),
        ("network", "show", "999"),
        ("domain", "add", "example.org", "--group", "nobody"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_code_3(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.refusal(*words, code=3).startswith("clement: no ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("group", "add", "local"), "name: there is a group local already"),
        (("group", "add", "Bad Name"), "letters, digits"),
        (
            ("domain", "change", "local.example", "--policy", "spf_fail=maybe"),
            "spf_fail: expected defer or refuse or accept or quarantine, found maybe",
        ),
        (("group", "remove", "local"), "still has domains (local.example); remove them first"),
        (("domain", "remove", "local.example"), "clement: --with-mailboxes: needed, since the domain has"),
        (("directive", "add", "refuse", "--for", "site", "--from", "a@@b"), "clement: --from: "),
        (("domain", "add", "no domain", "--group", "local"), "is no domain name"),
        (("mailbox", "add", "someone@relay.example", "--quota", "1GB"), "kept by its next hop"),
        (("mailbox", "add", "anna@local.example"), "there is a mailbox"),
        (("alias", "add", "loop@local.example", "loop@local.example"), "loop"),
        (("alias", "add", "out@local.example", "x@elsewhere.example"), "not forwarded to other places"),
        (("person", "change", "admin", "--revoke", "root"), "last root-admin"),
        (("network", "add", "0.0.0.0/0", "relayable"), "is everybody"),
        (("network", "add", "10.0.0.1/8", "banned"), "name the network, 10.0.0.0/8, or one address"),
        (("directive", "add", "refuse", "--for", "site"), "about everybody"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_refused_is_code_1_and_says_why(shell: Shell, words: tuple[str, ...], message: str) -> None:
    assert message in shell.refusal(*words, code=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("group", "add", "g", "--relay-to", "a:b:c"), "--relay-to: expected [smtp:|lmtp:]HOST[:PORT]"),
        (("group", "add", "g", "--relay-to", "a:25,tls=maybe"), "tls=never|offered|required"),
        (("group", "add", "g", "--relay-to", "a", "--lmtp-to", "b"), "not both"),
        (("group", "change", "local", "--policy", "unscanable=refuse"), "did you mean unscannable?"),
        (("group", "change", "local", "--policy", "unscannable=maybe"), "expected defer or refuse"),
        (("mailbox", "change", "anna@local.example", "--quota", "much"), "a size such as 500MB"),
        (("person", "add", "x@local.example", "--grant", "king"), "group:NAME or domain:NAME"),
        (("directive", "add", "refuse", "--for", "@local.example"), "site, group:NAME, domain:NAME"),
        (("directive", "change", "1", "--expires", "soon"), "30min, 2h, 7d, 4w, tomorrow or a date"),
        (("group", "change", "local", "--policy", "tag_at=low"), "tag_at: expected a number such as 4.6"),
        (("domain", "change", "local.example", "--json", "--no-wait"), "nothing to change; `clement domain"),
        (("group", "change", "local"), "nothing to change"),
        (("mailbox", "change", "anna@local.example"), "nothing to change"),
        (("person", "change", "admin"), "nothing to change"),
        (("directive", "change", "1"), "nothing to change"),
        (("rule", "change", "1"), "nothing to change"),
        (("network", "change", "1"), "nothing to change; `clement network change --help` shows what can be"),
        (("network", "show", "nonsense"), "expected a number or a network"),
        (("network", "add", "10.0.0.0/8", "liked"), "liked"),
        (("mailbox", "import", "not-here.csv"), "cannot read not-here.csv: No such file or directory"),
        (("frobnicate",), "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_usage_is_code_2_and_says_what_is_right(
    shell: Shell, words: tuple[str, ...], message: str
) -> None:
    assert message in " ".join(shell.refusal(*words, code=2).split())


def test_next_hops_are_shown_as_they_are_typed(shell: Shell) -> None:
    hops = [
        "smtp:[2001:db8::1]:25,priority=20,tls=required",
        "smtp:mx.example.org:2525,priority=10,tls=never",
    ]
    shell.run("group", "add", "g", "--relay-to", hops[0], "--relay-to", hops[1].removeprefix("smtp:"))
    shown = re.findall(r"next hop +(\S+)", shell.out("group", "show", "g"))
    assert sorted(shown) == sorted(hops)
    shell.run("group", "change", "g", "--lmtp-to", "/run/dovecot/lmtp")
    assert "lmtp:/run/dovecot/lmtp" in shell.out("group", "show", "g")
    shell.run("group", "change", "g", "--store", "--name", "h", "--policy", "scan_content=false")
    (group,) = shell.json("group", "show", "h")
    assert (group["storage"], group["next_hops"], group["policy"]["scan_content"]) == ("maildir", [], False)


def test_mail_outlives_its_mailbox_and_whoever_gets_the_address_is_told_of(shell: Shell) -> None:
    folder = shell.folder / "mail" / "local.example" / "carla"
    assert "holds mail" not in shell.run("mailbox", "add", "carla@local.example").stderr
    for name in ("new/1", "cur/2:2,S", ".Junk/cur/3:2,"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("Subject: for her alone\n\n")
    assert f"Its mail stays in {folder}." in shell.out("mailbox", "remove", "carla@local.example")
    told = f"note: {folder} holds mail of a mailbox that was here before (messages: 3)."
    assert told in shell.run("mailbox", "add", "Carla@local.example", "--json").stderr
    shell.run("mailbox", "remove", "carla@local.example")
    lines = "new@local.example\nCarla@local.example\n"
    assert told in shell.run("mailbox", "import", "-", stdin=lines).stderr
    assert "stays in" not in shell.out("mailbox", "remove", "new@local.example")


def test_mailboxes_are_imported_all_or_none(shell: Shell) -> None:
    lines = [f"user{number}@local.example,10MB" for number in range(500)]
    shell.run("mailbox", "import", "-", stdin="# people\n\n" + "\n".join(lines) + "\n")
    assert len(shell.json("mailbox", "list", "--domain", "local.example")) == 502
    assert len(shell.json("mailbox", "list", "--text", "user49")) == 11
    said = shell.run("mailbox", "import", "-", stdin="new@local.example\nanna@local.example\n", code=1).stderr
    assert "there is a mailbox anna@local.example already" in said
    shell.run("mailbox", "show", "new@local.example", code=3)
    said = shell.run("mailbox", "import", "-", stdin="a@local.example,1,x,y\n", code=2).stderr
    assert "-:1: expected ADDRESS[,QUOTA[,OWNER]]" in said


def test_a_password_is_made_and_shown_once_or_read_from_a_file(shell: Shell) -> None:
    made = shell.run("person", "add", "carol@local.example", "--grant", "domain:local.example")
    assert re.fullmatch(r"password: ([a-z0-9]{5}-){3}[a-z0-9]{5}\n", made.stderr)
    assert "password" not in made.stdout
    shell.run("person", "change", "carol@local.example", "--password-file", "-", stdin="correct horse\n")
    said = shell.run("person", "change", "carol@local.example", "--password-file", "-", stdin="x\n", code=1)
    assert "at least 8 characters" in said.stderr
    (person,) = shell.json("person", "show", "carol@local.example")
    assert [(grant["role"], grant["object_name"]) for grant in person["grants"]] == [
        ("user", ""),
        ("domain", "local.example"),
    ]
    assert "hash" not in shell.out("person", "show", "carol@local.example", "--json")


def test_a_person_is_switched_off_and_given_addresses(shell: Shell) -> None:
    shell.run("person", "change", "anna@local.example", "--off", "--allow", "@local.example")
    (anna,) = shell.json("person", "show", "anna@local.example")
    assert (anna["enabled"], anna["send_as"]) == (False, ["@local.example"])
    shell.run("person", "change", "anna@local.example", "--on", "--forbid", "@local.example")
    assert shell.json("person", "show", "anna@local.example")[0]["send_as"] == []
    shell.run("person", "remove", "anna@local.example")
    assert shell.json("mailbox", "show", "anna@local.example")[0]["owner_login"] == ""


def test_a_directive_says_where_it_came_from_and_what_it_overlaps(shell: Shell) -> None:
    added = shell.run(
        *("directive", "add", "accept", "--for", "domain:local.example", "--from", "@partner.example"),
        *("--expires", "4w", "--note", "until the fair", "--json"),
    )
    assert "authenticated (SPF or DKIM)" in added.stderr
    (row,) = [row for row in shell.json("directive", "list") if row["scope"] == "domain"]
    assert (row["scope_name"], row["note"], row["origin"]) == ("local.example", "until the fair", "hand")
    assert abs(row["expires_at_s"] - time.time() - 4 * 7 * 86400) < 600
    shell.run("directive", "change", str(row["id"]), "--action", "refuse", "--expires", "never", "--final")
    shown = shell.out("directive", "show", str(row["id"]))
    assert re.search(r"origin +hand, by \w+ \(shell\)", shown)
    assert re.search(r"ends +never", shown)
    shell.run("directive", "remove", str(row["id"]))
    assert [row["scope_name"] for row in shell.json("directive", "list", "--for", "anna@local.example")] == [
        "anna@local.example"
    ]


def test_networks_are_named_by_number_or_range(shell: Shell) -> None:
    shell.run("network", "add", "192.0.2.0/24", "relayable")
    noted = shell.run("network", "add", "192.0.2.7/32", "not-relayable", "--note", "the guest machine")
    assert "192.0.2.0/24" in noted.stderr
    shell.run("network", "add", "192.0.2.0/24", "banned", "--expires", "2h")
    assert "name one by its number" in shell.refusal("network", "remove", "192.0.2.0/24", code=1)
    shell.run("network", "change", "192.0.2.7/32", "--standing", "relayable")
    networks = shell.json("network", "list")
    assert [(row["network"], row["standing"]) for row in networks] == [
        ("192.0.2.0/24", "relayable"),
        ("192.0.2.0/24", "banned"),
        ("192.0.2.7/32", "relayable"),
    ]
    shell.run("network", "remove", str(networks[1]["id"]))
    assert len(shell.json("network", "list")) == 2


def test_case_136_hostile_text_is_shown_escaped(shell: Shell) -> None:
    shell.run(
        "directive", "add", "refuse", "--for", "site", "--from", "@x.example", "--note", "a\u202eb[red]c"
    )
    shown = shell.out("directive", "list")
    assert "\u202e" not in shown
    assert "[red]" in shown


def test_thresholds_and_settings_of_group_domain_and_mailbox(shell: Shell) -> None:
    shell.run("group", "change", "local", "--policy", "quarantine_at=5", "--policy", "keep_refused_days=14")
    (group,) = shell.json("group", "show", "local")
    assert (group["policy"]["quarantine_at"], group["policy"]["tag_at"]) == (5.0, None)
    shell.run(
        "domain", "change", "local.example", "--policy", "quarantine_at=4", "--policy", "spf_fail=refuse"
    )
    (domain,) = shell.json("domain", "show", "local.example")
    assert domain["policy"] == {"quarantine_at": 4.0, "spf_fail": "refuse"}
    assert "own spf_fail" in shell.run("domain", "show", "local.example").stdout
    shell.run("mailbox", "change", "anna@local.example", "--quarantine-at", "2.5", "--refuse-at", "0")
    (mailbox,) = shell.json("mailbox", "show", "anna@local.example")
    assert (mailbox["tag_at"], mailbox["quarantine_at"], mailbox["refuse_at"]) == (None, 2.5, 0.0)
    shell.run("group", "change", "local", "--policy", "quarantine_at=")
    shell.run("domain", "change", "local.example", "--policy", "quarantine_at=", "--policy", "spf_fail=")
    shell.run("mailbox", "change", "anna@local.example", "--quarantine-at", "", "--refuse-at", "")
    assert shell.json("group", "show", "local")[0]["policy"]["quarantine_at"] is None
    assert shell.json("domain", "show", "local.example")[0]["policy"] == {}
    assert shell.json("mailbox", "show", "anna@local.example")[0]["refuse_at"] is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("domain", "change", "local.example", "--policy", "spf_fail=perhaps"), 1, "spf_fail"),
        (("domain", "change", "local.example", "--policy", "spf_fial=refuse"), 2, "did you mean spf_fail?"),
        (("domain", "change", "local.example", "--policy", "tag_at=101"), 1, "from 0, for never, to 100"),
        (("domain", "change", "local.example", "--policy", "greylisting_delay_s=1"), 1, "from 10 to"),
        (("mailbox", "change", "anna@local.example", "--tag-at", "much"), 2, "expected a number such as 4.6"),
        (("mailbox", "change", "anna@local.example", "--tag-at", "-1"), 1, "from 0, for never, to 100"),
        (("group", "change", "local", "--policy", "keep_refused_days=1000"), 1, "to 365 days"),
    ],
    ids=lambda value: " ".join(value[3:]) if isinstance(value, tuple) else None,
)
def test_settings_that_make_no_sense_are_refused(
    shell: Shell, words: tuple[str, ...], code: int, message: str
) -> None:
    assert message in shell.refusal(*words, code=code)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("spf_fail=maybe", "spf_fail: expected defer or refuse or accept or quarantine, found maybe"),
        ("scan_content=perhaps", "--policy: scan_content: expected true or false, found perhaps"),
        ("size_limit_bytes=much", "--policy: size_limit_bytes: expected a whole number, found much"),
    ],
)
def test_a_wrong_policy_is_told_what_would_be_right(shell: Shell, policy: str, message: str) -> None:
    assert message in shell.refusal("group", "change", "local", "--policy", policy, code=2)


def test_a_rule_for_an_address_that_nobody_has_is_stored_with_a_note(shell: Shell) -> None:
    words = ("directive", "add", "refuse", "--from", "a@far.example", "--for")
    assert (
        "note: there is no mailbox or alias anan@local.example"
        in shell.run(*words, "anan@local.example").stderr
    )
    assert shell.run(*words, "anna@local.example").stderr == ""
    assert shell.run(*words, "anybody@relay.example").stderr == ""
