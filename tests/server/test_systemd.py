"""sd_notify and socket activation, with a datagram socket in systemd's place."""

import os
import socket
from pathlib import Path

from clement.server import systemd


def test_notification_on_a_path_and_in_the_abstract_namespace(short_folder: Path) -> None:
    abstract = f"clement-test-{os.getpid()}"  # there is one such namespace for all of the machine
    for address, name in (
        (str(short_folder / "n"), str(short_folder / "n")),
        (f"\0{abstract}", f"@{abstract}"),
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(5)
            systemd.notify("READY=1\nMAINPID=1", {"NOTIFY_SOCKET": name})
            assert manager.recv(1000) == b"READY=1\nMAINPID=1"


def test_nobody_listens(short_folder: Path) -> None:
    systemd.notify("READY=1", {})
    systemd.notify("READY=1", {"NOTIFY_SOCKET": str(short_folder / "nobody")})


def test_sockets_passed_to_us() -> None:
    passed = {"LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "mx::submission"}
    assert systemd.activated_sockets(passed, 7) == {"mx": [3], "fd1": [4], "submission": [5]}
    assert systemd.activated_sockets({**passed, "LISTEN_PID": "8"}, 7) == {}
    assert systemd.activated_sockets({}, 7) == {}


def test_all_sockets_of_one_unit_have_its_name() -> None:
    passed = {"LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "smtp:smtp:web"}
    assert systemd.activated_sockets(passed, 7) == {"smtp": [3, 4], "web": [5]}


def test_watchdog() -> None:
    assert systemd.watchdog_interval_s({"WATCHDOG_USEC": "30000000"}) == 15
    assert systemd.watchdog_interval_s({}) == 0
    assert systemd.watchdog_interval_s({"WATCHDOG_USEC": "soon"}) == 0
