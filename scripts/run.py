"""Start Clement on this machine for trying things: with a scanner, a next hop, and a word on what to do.

State lives in var/. Ctrl-C (or SIGTERM) ends what this started, Clement first so that it can finish its
transactions, and nothing else.
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import FrameType

from clement.config import ConfigurationError, InheritedEndpoint, ListenerKind, Settings, TcpEndpoint, load
from scripts.demo import greets
from scripts.eicar import write_database

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / "var"
CONFIG = STATE / "clement.toml"
CLEMENT = ROOT / ".venv" / "bin" / "clement"
LOGINS = STATE / "logins.txt"
SINK = "127.0.0.1:2526"

SYSTEM_CLAMD = Path("/run/clamav/clamd.ctl")
SYSTEM_SIGNATURES = Path("/var/lib/clamav")
PRIVATE_CLAMD = STATE / "run" / "clamd.sock"  # `clement init --local` names both sockets in clement.toml

CLAMD_START_TIMEOUT_S = 120.0  # a full database takes a minute to load on a small machine
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0

NO_SCANNER = "none: install clamav-daemon; until then every message is answered 451"
EICAR_ONLY = "a private clamd that knows EICAR and NOTHING ELSE (freshclam fetches real signatures)"

BANNER = """\

  Clement is running.

    from other servers   {mx}
    from our people      {submission} (STARTTLS), {submissions} (TLS)
    web                  {web}
    local.example        mail is kept in {mail}
    relay.example        mail is handed on to a next hop at {sink}
    virus scanner        {scanner}
    configuration        {config}
    logins               {logins}

  Try, in another terminal:

    make demo                                     six messages, six outcomes
    swaks --server {mx} --to anna@local.example
    .venv/bin/clement log                         what came of every message
    .venv/bin/clement session ID                  one session, line by line, and why
    .venv/bin/clement --help                      everything else

  Ctrl-C stops it.
"""


class Stopped(Exception):
    """Somebody asked us to end."""


class Started:
    """The programs we have started, ended in the order opposite to that of their starts."""

    def __init__(self) -> None:
        self._programs: list[subprocess.Popen[bytes]] = []

    def start(self, argv: Sequence[str | Path], log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that Ctrl-C reaches us alone; it ends when we die."""
        leash = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        with log.open("ab") if log else nullcontext() as output:
            program = subprocess.Popen(
                [*leash, *map(str, argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )
        self._programs.append(program)
        return program

    def stop_all(self) -> None:
        """Ask each to end, the last started first; insist when one does not."""
        for program in reversed(self._programs):
            if program.poll() is None:
                program.terminate()
                try:
                    program.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    program.kill()
                    program.wait()


def say(text: str) -> None:
    print(f"run: {text}", file=sys.stderr, flush=True)


def listens(address: tuple[str, int] | Path) -> bool:
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(2)
        return probe.connect_ex(str(address) if isinstance(address, Path) else address) == 0


def clamd_answers(path: Path) -> bool:
    """Whether a clamd at this socket answers PING (clamd(8))."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            connection.sendall(b"zPING\0")
            return connection.recv(5) == b"PONG\0"
        except OSError:
            return False


def wait_for(condition: Callable[[], bool], program: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait until it is true; False when the program ends or the time is over before."""
    deadline = time.monotonic() + timeout_s
    while program.poll() is None and time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def find_scanner(started: Started) -> str:
    """See to it that a clamd runs, and describe it."""
    if clamd_answers(SYSTEM_CLAMD):
        return f"clamd at {SYSTEM_CLAMD}"
    need = subprocess.run([ROOT / "scripts" / "need", "clamav-daemon"], check=False)
    clamd = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")
    if need.returncode != 0 and clamd is None:
        return NO_SCANNER
    return start_clamd(clamd or "/usr/sbin/clamd", started)


def start_clamd(clamd: str, started: Started) -> str:
    """Start a clamd of our own in var/clamav, with the machine's signatures where there are any."""
    folder = STATE / "clamav"
    folder.mkdir(exist_ok=True)
    has_signatures = any(SYSTEM_SIGNATURES.glob("*.c[vl]d"))
    signatures = SYSTEM_SIGNATURES if has_signatures else folder / "signatures"
    if not has_signatures:
        write_database(signatures)
    settings = {
        "DatabaseDirectory": signatures,
        "LocalSocket": PRIVATE_CLAMD,
        "FixStaleSocket": "yes",
        "TemporaryDirectory": folder,
        "Foreground": "yes",
        "StreamMaxLength": "100M",
        "MaxFileSize": "100M",
        "MaxScanSize": "400M",
        "AlertExceedsMax": "yes",  # beyond a limit clamd must say so instead of "OK"
    }
    conf = folder / "clamd.conf"
    conf.write_text("".join(f"{name} {value}\n" for name, value in settings.items()), encoding="utf-8")
    log = folder / "clamd.log"
    # Debian's AppArmor profile keeps /usr/sbin/clamd out of our folder; it is not meant for a clamd of ours.
    own_clamd = shutil.copy2(clamd, folder / "clamd")
    program = started.start([own_clamd, "--config-file", conf], log)
    if not wait_for(lambda: clamd_answers(PRIVATE_CLAMD), program, CLAMD_START_TIMEOUT_S):
        return f"none: clamd did not start, see {log}; until then every message is answered 451"
    return "a private clamd with the signatures of this machine" if has_signatures else EICAR_ONLY


def tcp_listeners(settings: Settings, *kinds: ListenerKind) -> list[tuple[str, int]]:
    """The addresses of the listeners of these kinds, or of all."""
    addresses = (one.address for one in settings.listener if not kinds or one.kind in kinds)
    return [(address.host, address.port) for address in addresses if isinstance(address, TcpEndpoint)]


def is_ready(settings: Settings) -> bool:
    """Whether every port is open and those for other servers greet."""
    greeting = tcp_listeners(settings, ListenerKind.MX)
    return all(map(listens, tcp_listeners(settings))) and all(map(greets, greeting))


def banner(settings: Settings, scanner: str) -> str:
    """What to know and what to try."""
    where = {
        listener.kind.value: str(listener.address)
        for listener in settings.listener
        if not isinstance(listener.address, InheritedEndpoint)
    }
    web = f"http://{settings.web.address}" if settings.web.address else "off"
    kinds = {kind: where.get(kind, "not configured") for kind in ("mx", "submission", "submissions")}
    places = {"mail": settings.store.mail_root, "sink": SINK, "config": CONFIG}
    return BANNER.format(web=web, scanner=scanner, logins=LOGINS, **places, **kinds)


def init() -> None:
    """Make what is missing in var/. Passwords, which `clement init` shows once, are kept for trying them."""
    command: list[str | Path] = [CLEMENT, "init", "--local", "--config", CONFIG, "--state", STATE]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    passwords = [line for line in done.stdout.splitlines() if ", password " in line]
    if passwords:
        LOGINS.touch(mode=0o600)
        with LOGINS.open("a", encoding="utf-8") as file:
            file.write("\n".join(passwords) + "\n")
    done.check_returncode()


def run(started: Started) -> int:
    init()
    settings = load(CONFIG)
    taken = [f"{host}:{port}" for host, port in tcp_listeners(settings) if listens((host, port))]
    if taken:
        say(f"something listens at {', '.join(taken)} already: is Clement running in another terminal?")
        return 1
    scanner = find_scanner(started)
    started.start([CLEMENT, "sink", "--listen", SINK], STATE / "sink.log")
    server = started.start([CLEMENT, "serve", "--config", CONFIG])
    if wait_for(lambda: is_ready(settings), server, START_TIMEOUT_S):
        print(banner(settings, scanner), flush=True)
    elif server.poll() is None:
        say("Clement does not open its ports; its own words are above")
        return 1
    return server.wait()


def stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # we are ending already
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def main() -> int:
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    started = Started()
    try:
        return run(started)
    except Stopped:
        say("stopping")
        return 0
    except subprocess.CalledProcessError as error:
        return error.returncode
    except ConfigurationError as error:
        say(str(error))
        return 1
    finally:
        started.stop_all()


if __name__ == "__main__":
    sys.exit(main())
