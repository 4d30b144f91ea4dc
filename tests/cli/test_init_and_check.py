"""From nothing to a site, and what `check` says of it."""

from __future__ import annotations

import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509

from tests.cli.conftest import Shell
from tests.fixtures.clement import Clement


def test_init_makes_everything_and_shows_passwords_once(empty: Shell) -> None:
    first = empty.out("init", "--local")
    assert "wrote var/clement.toml" in first
    assert first.count("(shown this once)") == 3
    assert empty.out("init", "--local") == ""
    assert empty.run("check", "--no-ports").stdout == "var/clement.toml: nothing is wrong\n"


def test_what_init_makes_is_nobody_elses_business(furnished: Path) -> None:
    for name in ("mail", "spool", "journal", "run", "tls"):
        assert stat.S_IMODE((furnished / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((furnished / "tls" / "key.pem").stat().st_mode) == 0o600


def test_the_certificate_is_for_localhost_and_our_name(furnished: Path) -> None:
    certificate = x509.load_pem_x509_certificate((furnished / "tls" / "certificate.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mail.local.example", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_init_local_has_the_ports_and_domains_that_the_readme_names(shell: Shell) -> None:
    text = (shell.folder / "clement.toml").read_text()
    for address in ("127.0.0.1:2525", "127.0.0.1:2587", "127.0.0.1:2465", "127.0.0.1:8025"):
        assert f'"{address}"' in text
    assert [row["name"] for row in shell.json("domain", "list")] == ["local.example", "relay.example"]
    (relay,) = shell.json("group", "show", "relay")
    assert (relay["mode"], relay["next_hops"][0]["host"], relay["next_hops"][0]["port"]) == (
        "relay",
        "127.0.0.1",
        2526,
    )
    assert shell.json("network", "list") == []


def test_init_with_a_state_folder_writes_where_it_is(empty: Shell) -> None:
    empty.run("init", "--config", "etc/clement.toml", "--state", "lib", "--hostname", "mail.example.org")
    text = (empty.folder / "etc" / "clement.toml").read_text()
    assert 'hostname = "mail.example.org"' in text
    assert f'mail_root = "{empty.folder}/lib/mail"' in text
    assert (empty.folder / "lib" / "clement.sqlite3").exists()
    assert '"0.0.0.0:25"' in text
    assert '"[::]:587"' in text
    # The folder of the configuration is root's, and the service may not write there.
    assert [path.name for path in (empty.folder / "etc").iterdir()] == ["clement.toml"]


def test_init_keeps_a_newer_database_as_it_is(shell: Shell) -> None:
    with sqlite3.connect(shell.folder / "clement.sqlite3") as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('clement', '9999_later', 0)"
        )
    assert "newer than this program" in shell.refusal("init", "--local", "--config", "clement.toml", code=4)


def test_check_names_every_mistake(shell: Shell) -> None:
    path = shell.folder / "clement.toml"
    text = path.read_text()
    broken = text.replace("#recipients = 1000", "recipients = 10").replace("#errors = 20", "eror = 20")
    path.write_text(broken)
    lines = shell.refusal("check", code=1).splitlines()
    at = broken[: broken.index("recipients = 10")].count("\n") + 1
    expected = "expected a whole number of at least 100 (RFC 5321 §4.5.3.1.8), found 10"
    assert f"clement.toml:{at}: limits.recipients: {expected}" in lines
    assert any("limits.eror: unknown key; did you mean errors?" in line for line in lines)
    assert [set(problem) for problem in map(dict, _json_of(shell, "check"))] == [
        {"file", "line", "key", "text", "is_warning"}
    ] * 2
    assert shell.run("group", "list", code=78).stderr.splitlines() == lines


def _json_of(shell: Shell, *words: str) -> list[dict[str, object]]:
    import json

    return [json.loads(line) for line in shell.run(*words, "--json", code=1).stdout.splitlines()]


def test_case_128_check_finds_what_is_wrong_outside_the_file(shell: Shell) -> None:
    (shell.folder / "tls" / "key.pem").chmod(0o644)
    assert "tls.key" in (said := shell.refusal("check", "--no-ports", code=1))
    assert "can be read by everybody on this machine" in said
    (shell.folder / "tls" / "key.pem").unlink()
    assert "No such file" in shell.refusal("check", "--no-ports", code=1)


def test_case_128_check_finds_a_certificate_that_is_none(shell: Shell) -> None:
    (shell.folder / "tls" / "certificate.pem").write_text("hello")
    assert "cannot be used" in shell.refusal("check", "--no-ports", code=1)


def test_case_128_serve_refuses_to_start_on_what_check_finds(shell: Shell) -> None:
    (shell.folder / "tls" / "certificate.pem").unlink()
    said = shell.refusal("serve", code=78)
    assert "tls.certificate: cannot read" in said


def test_check_finds_a_port_that_is_taken(shell: Shell) -> None:
    path = shell.folder / "clement.toml"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        path.write_text(path.read_text().replace("127.0.0.1:2525", f"127.0.0.1:{port}"))
        said = shell.refusal("check", code=1)
        assert f"127.0.0.1:{port} is taken by another program" in said
        assert "listener[1].address" in said


def test_check_does_not_take_ourselves_for_another_program(running_clement: Clement) -> None:
    said = running_clement.verb("check")
    assert said.endswith(": nothing is wrong; Clement runs, so the listeners were not tried\n")
    running_clement.verb("check --ports", fails=True)


def test_check_finds_a_folder_that_cannot_be(shell: Shell) -> None:
    path = shell.folder / "clement.toml"
    path.write_text(path.read_text().replace('#folder = "spool"', 'folder = "nowhere/at/all"'))
    assert "spool.folder" in shell.refusal("check", "--no-ports", code=1)


@pytest.mark.parametrize(
    ("path", "fault"), [("mail", "is a folder"), ("none/clement.sqlite3", "does not exist")]
)
def test_check_finds_a_database_that_cannot_be(shell: Shell, path: str, fault: str) -> None:
    config = shell.folder / "clement.toml"
    config.write_text(config.read_text().replace('#path = "clement.sqlite3"', f'path = "{path}"'))
    said = shell.refusal("check", "--no-ports", code=1)
    assert "database.path: " in said
    assert fault in said


def test_without_a_configuration_every_verb_says_so(empty: Shell) -> None:
    said = empty.refusal("group", "list", code=78)
    assert "clement init" in said
    assert "cannot be read: No such file" in empty.refusal("check", "--config", "not-here.toml", code=1)


def test_without_tables_a_verb_says_what_makes_them(shell: Shell) -> None:
    (shell.folder / "clement.sqlite3").unlink()
    assert "clement init" in shell.refusal("group", "list", code=4)
    (shell.folder / "clement.sqlite3").touch()
    assert "clement init" in shell.refusal("group", "list", code=4)


def test_tables_of_an_older_version_are_told_from_a_database_that_is_away(shell: Shell) -> None:
    with closing(sqlite3.connect(shell.folder / "clement.sqlite3")) as database:
        database.execute("ALTER TABLE clement_group DROP COLUMN subject_prefix")
        database.execute("DELETE FROM django_migrations WHERE name = '0016_subject_prefix'")
        database.commit()
    said = shell.refusal("group", "list", code=4)
    assert said == "clement: the tables are older than this program; run `clement init` to migrate them"
    shell.out("init")
    shell.out("group", "list")


def test_a_database_server_that_is_away_is_code_4(shell: Shell) -> None:
    path = shell.folder / "clement.toml"
    settings = '[database]\nengine = "postgresql"\nhost = "127.0.0.1"\nport = 1\npassword = "env:NOT_SET"'
    path.write_text(path.read_text().replace("[database]", settings))
    assert "the environment has no variable NOT_SET" in shell.refusal("group", "list", code=78)
    path.write_text(path.read_text().replace('password = "env:NOT_SET"\n', ""))
    assert "cannot be asked" in shell.refusal("group", "list", code=4)
