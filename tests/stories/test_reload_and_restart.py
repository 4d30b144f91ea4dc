"""A new configuration takes effect, a broken one does not, and changes of the directory need neither."""

import os
import signal
import ssl
import subprocess
import time
import tomllib
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from threading import Timer

from clement.cli.wiring import Paths
from clement.config import load
from tests.fixtures.clement import CLEMENT
from tests.fixtures.programs import accepts_connections, choose_port, wait_until
from tests.server.house import Builder, House, still_serves
from tests.server.talk import message


def reload(house: House) -> None:
    house.program.send(signal.SIGHUP)


def _has_said(house: House, event: str, times: int) -> bool:
    return len(house.events(event)) >= times


def certificate_shown(house: House) -> bytes:
    with house.talk("submissions") as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        return client.socket.getpeercert(binary_form=True) or b""


def test_a_broken_configuration_changes_nothing_and_says_why(build: Builder) -> None:
    house = build()
    good = house.config.read_text()
    receiver = house.process("receiver-0")
    busy = choose_port()
    for broken, why in (
        (good.replace("[limits]", "[limitz]"), "limitz"),
        (good.replace("tls/certificate.pem", "tls/none.pem"), "none.pem"),
        (good.replace("recipients = 100", "recipients = 5"), "recipients"),
    ):
        told = len(house.events("reload-refused"))
        house.config.write_text(broken)
        reload(house)
        wait_until(partial(_has_said, house, "reload-refused", told + 1), "refused")
        assert why in house.events("reload-refused")[-1]["why"]
        still_serves(house)
    assert house.process("receiver-0") == receiver
    assert not accepts_connections(("127.0.0.1", busy))


def test_an_address_somebody_else_has_is_refused(build: Builder) -> None:
    house, other = build(), build()
    house.config.write_text(
        house.config.read_text().replace(f":{house.ports['lmtp']}", f":{other.ports['lmtp']}")
    )
    reload(house)
    wait_until(lambda: bool(house.events("reload-refused")), "refused")
    assert str(other.ports["lmtp"]) in house.events("reload-refused")[-1]["why"]
    assert accepts_connections(house.address("lmtp"))
    still_serves(house)


def test_a_good_configuration_moves_a_listener_and_shows_the_new_certificate(build: Builder) -> None:
    house = build()
    old_port, new_port = house.ports["lmtp"], choose_port()
    old_certificate = certificate_shown(house)
    with house.client() as under_way:
        under_way.envelope("anna@local.example")
        renew(house)
        house.config.write_text(house.config.read_text().replace(f":{old_port}", f":{new_port}"))
        reload(house)
        wait_until(lambda: bool(house.events("reloaded")), "reloaded")
        wait_until(lambda: accepts_connections(("127.0.0.1", new_port)), "listens at the new address")
        assert under_way.content(message("across the reload")).code == 250, "who has begun may finish"
        assert [answer.codes for answer in under_way.rest()] == ["421 4.3.2"]
    wait_until(lambda: not accepts_connections(("127.0.0.1", old_port)), "the old address is closed")
    wait_until(lambda: certificate_shown(house) != old_certificate, "the new certificate is shown")
    still_serves(house)
    assert len(house.messages("anna@local.example")) == 1


def test_folders_that_are_not_there_yet_are_made(build: Builder) -> None:
    house = build()
    names = ("spool", "journal", "held")
    tables = "".join(f'[{table}]\nfolder = "elsewhere/{table}"\n' for table in names)
    (house.folder / "elsewhere").mkdir()
    house.config.write_text(house.config.read_text().replace("[spool]\nfree_space_bytes = 1000000\n", tables))
    reload(house)
    wait_until(lambda: bool(house.events("reloaded")), "reloaded")
    wait_until(lambda: _has_ended(house, "receiver-0", 1), "the old receiver is gone")
    still_serves(house)
    made = {path.name: path.stat().st_mode & 0o777 for path in (house.folder / "elsewhere").iterdir()}
    assert made == dict.fromkeys(names, 0o700)
    assert not house.events("process-restarts")


def test_but_never_the_mail_root_whose_disk_may_not_be_mounted(build: Builder) -> None:
    house = build()
    house.config.write_text(f'{house.config.read_text()}[store]\nmail_root = "elsewhere"\n')
    reload(house)
    wait_until(lambda: _has_ended(house, "receiver-0", 1), "the old receiver is gone")
    assert _answer_to_mail(house) == "452 4.3.1"
    (house.folder / "elsewhere").mkdir()
    wait_until(lambda: _answer_to_mail(house) == "250 2.1.0", "mail is taken again")


def _answer_to_mail(house: House) -> str:
    with house.client() as client:
        return client.ask("MAIL FROM:<author@sender.example>").codes


def test_without_a_directory_nobody_is_told_that_he_is_not_here(build: Builder) -> None:
    house = build()
    snapshot = house.folder / "spool" / "directory.snapshot"

    def is_damaged() -> bool:
        snapshot.write_bytes(b"damaged")  # and again: the recorder writes it once when it begins
        return bool(house.events("directory-unreadable"))

    wait_until(is_damaged, "told")
    os.kill(house.process("receiver-0"), signal.SIGKILL)
    mending = Timer(1, house.verb, ["mailbox add gustav@local.example --no-wait"])
    mending.start()
    still_serves(house)
    mending.join()


def renew(house: House) -> None:
    """A certificate of another time, made the way the first one was."""
    for path in (house.folder / "tls").iterdir():
        path.unlink()
    subprocess.run([CLEMENT, "init", "--config", house.config], check=True, capture_output=True)


def test_a_reload_asked_for_while_it_starts_comes_when_it_has_started(build: Builder) -> None:
    house = build()
    house.program.stop()
    house.program.start_again()
    # Its ports are open long before there is anybody who takes signals.
    wait_until(lambda: accepts_connections(house.address()), "the port is open")
    reload(house)
    house.wait()
    wait_until(lambda: bool(house.events("reloaded")), "reloaded")
    still_serves(house)


def test_reloads_hang_up_on_nobody(build: Builder) -> None:
    house = build()
    run_folder = Paths.of(load(house.config)).checkers.parent
    of_checkers = [(run_folder / name).stat().st_ino for name in ("checkers.sock", "large.sock")]
    for turn in range(3):
        reload(house)
        until_s = time.monotonic() + 1.0
        while time.monotonic() < until_s:
            # A client is served, or told to come back; there is never nobody at the door.
            with house.talk() as client:
                greeting = client.answer()
                hello = client.ask("EHLO client.sender.example") if greeting.code == 220 else greeting
                assert hello.code == 250 or hello.codes == "421 4.3.2"
        wait_until(partial(_has_said, house, "reloaded", turn + 1), "reloaded")
    still_serves(house)
    # Checkers of every generation wait at one door: nobody asks those who have gone.
    assert of_checkers == [(run_folder / name).stat().st_ino for name in ("checkers.sock", "large.sock")]


def test_a_new_mailbox_takes_mail_within_seconds(build: Builder) -> None:
    house = build()
    address = "gustav@local.example"
    with house.client() as client:
        assert client.envelope(address)[0].codes == "550 5.1.1"
        house.verb(f"mailbox add {address}")
        wait_until(lambda: taken(house, address), "taken")
    house.verb(f"mailbox remove {address}")
    wait_until(lambda: not taken(house, address), "no longer taken")


def taken(house: House, address: str) -> bool:
    with house.client() as client:
        return client.envelope(address)[0].code == 250


def test_a_changed_password_counts_within_seconds(build: Builder, short_folder: Path) -> None:
    from tests.server.furnish import LOGIN, PASSWORD

    house = build()
    secret = short_folder / "password"
    secret.write_text("an entirely new passphrase\n")
    with house.client("submissions") as client:
        assert client.log_in(LOGIN, PASSWORD).code == 235
    house.verb(f"person change {LOGIN} --password-file {secret}")

    def is_changed() -> bool:
        with house.client("submissions") as client:
            return client.log_in(LOGIN, PASSWORD).code == 535

    wait_until(is_changed, "the old one is refused")
    with house.client("submissions") as client:
        assert client.log_in(LOGIN, "an entirely new passphrase").code == 235


def test_the_web_page_stays_where_it_is_across_reloads(build: Builder) -> None:
    house = build()
    web = tomllib.loads(house.config.read_text())["web"]["address"].rpartition(":")[2]
    for turn in range(2):
        reload(house)
        wait_until(partial(_has_said, house, "reloaded", turn + 1), "reloaded")
        connection = HTTPConnection("127.0.0.1", int(web), timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
    wait_until(lambda: _has_ended(house, "web", 2), "the old pages' processes are gone")
    assert not house.events("process-restarts")


def _has_ended(house: House, process: str, times: int) -> bool:
    return len([line for line in house.events("process-ended") if line["process"] == process]) >= times


def test_a_reload_that_fails_at_the_last_moment_closes_no_address(build: Builder) -> None:
    """The old configuration stays in force: its receivers, started again, still have their addresses."""
    house = build()
    good = house.config.read_text()
    moved = good.replace(f":{house.ports['lmtp']}", f":{choose_port()}")
    too_long = house.folder / ("x" * 110)
    house.config.write_text(moved.replace("[processes]", f'[processes]\nrun_folder = "{too_long}"'))
    reload(house)
    wait_until(lambda: bool(house.events("reload-refused")), "refused")
    assert "path too long" in house.events("reload-refused")[-1]["why"], "the socket of the checkers"
    receiver = house.process("receiver-0")
    os.kill(receiver, signal.SIGKILL)
    wait_until(lambda: house.process("receiver-0") != receiver, "started again")
    assert accepts_connections(house.address("lmtp"))
    still_serves(house)
