"""What a right configuration becomes."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from clement.config import ConfigurationError, ListenerKind, TcpEndpoint, UnixEndpoint, load
from clement.config.describe import sections
from clement.config.sample import write_sample
from clement.config.secret import Secret

SMALLEST = '[site]\nhostname = "mail.example.org"\n[[listener]]\nkind = "mx"\naddress = "[::1]:25"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "clement.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_smallest_configuration_has_a_default_for_all_else(tmp_path: Path) -> None:
    settings = load(write(tmp_path, SMALLEST))
    assert settings.site.node_name == "mail.example.org"
    assert settings.site.postmaster_address == "postmaster@mail.example.org"
    assert settings.listener[0].kind is ListenerKind.MX
    assert settings.listener[0].address == TcpEndpoint("::1", 25)
    assert settings.listener[0].service == "mx"
    assert settings.limits.recipients >= 100


def test_relative_paths_are_taken_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        tmp_path, SMALLEST + '[scanner]\naddresses = ["unix:clamd.sock"]\n[store]\nmail_root = "/mail"\n'
    )
    monkeypatch.chdir("/")
    settings = load(path)
    assert settings.database.path == tmp_path / "clement.sqlite3"
    assert settings.spool.folder == tmp_path / "spool"
    assert settings.store.mail_root == Path("/mail")
    assert settings.scanner.addresses == (UnixEndpoint(tmp_path / "clamd.sock"),)


def test_networks_and_secrets_become_values(tmp_path: Path) -> None:
    text = SMALLEST + 'proxy_protocol_from = ["10.0.0.0/8", "2001:db8::/32"]\n'
    settings = load(
        write(tmp_path, text + '[database]\nengine = "mariadb"\npassword = "env:CLEMENT_PASSWORD"\n')
    )
    assert settings.listener[0].proxy_protocol_from == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    password = settings.database.password
    assert password is not None
    assert password.reveal({"CLEMENT_PASSWORD": "hunter2"}) == "hunter2"


def test_port_0_may_stand_more_than_once(tmp_path: Path) -> None:
    listener = '[[listener]]\nkind = "mx"\naddress = "127.0.0.1:0"\n'
    assert len(load(write(tmp_path, '[site]\nhostname = "a.example"\n' + listener * 2)).listener) == 2


def test_a_file_with_crlf_line_ends_has_the_same_lines(tmp_path: Path) -> None:
    path = tmp_path / "clement.toml"
    path.write_bytes((SMALLEST + "[limits]\nerrors = 0\n").replace("\n", "\r\n").encode())
    with pytest.raises(ConfigurationError, match=r"clement\.toml:7: limits\.errors"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"\xff\xfe", "expected UTF-8"), (b"#" * 2_000_000, "is larger than")],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "clement.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        load(path)


def test_a_secret_never_shows_itself(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o600)
    secret = Secret(file=file)
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r}"


def test_case_128_a_world_readable_secret_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2")
    file.chmod(0o644)
    with pytest.raises(ValueError, match="can be read by everybody"):
        Secret(file=file).reveal()


def test_every_setting_says_what_it_is_for() -> None:
    for section in sections():
        assert section.purpose
        for setting in section.settings:
            assert setting.purpose.endswith((".", ")")), setting.name


def test_a_sample_is_a_configuration_with_all_defaults(tmp_path: Path) -> None:
    listener = {"kind": '"mx"', "address": '"127.0.0.1:25"'}
    sample = write_sample({"site": {"hostname": '"mail.example.org"'}}, [listener])
    path = write(tmp_path, sample)
    written = load(path)
    # Uncommented, the defaults are what they say they are.
    loud = "\n".join(
        line[1:] if line.startswith("#") and line[1:2].islower() and '= "..."' not in line else line
        for line in sample.splitlines()
    )
    assert load(write(tmp_path, loud)) == written
