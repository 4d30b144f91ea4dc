"""The order of durability as the kernel sees it, and errors and kills at the system calls themselves.

The crash matrix strikes at points that we named; here strace strikes at every sync and rename, whether we
thought of it or not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.local import MESSAGE, deliver, destination, mailbox, stored
from tests.fixtures.programs import find_program, need

pytestmark = pytest.mark.peer

REPOSITORY = Path(__file__).resolve().parents[2]
SCENE = """
import os, sys
from pathlib import Path
from tests.delivery.local import deliver, destination, mailbox
(placement,) = deliver(Path(sys.argv[1]), [destination(mailbox(1))])
os.write(1, b"reply %d" % placement.reply.code)
"""
CALLS = ("fsync", "rename")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    # Without byte code to write, every rename is one of the delivery.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def traced(root: Path, *options: str) -> tuple[str, str]:
    """One delivery under strace: what it answered, and what it asked of the kernel."""
    need("strace")
    log = root.parent / "strace.log"
    calls = "trace=openat,write,fsync,rename,mkdir"
    command = [
        find_program("strace"),
        "-f",
        "-y",
        "-e",
        calls,
        *options,
        "-o",
        str(log),
        sys.executable,
        "-c",
        SCENE,
        str(root),
    ]
    done = run(command)
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("this machine does not allow tracing")
    return done.stdout, log.read_text(encoding="utf-8", errors="replace")


def made(tmp_path: Path) -> Path:
    """A mail root with a mailbox in it, so that only the delivery itself is seen."""
    root = tmp_path / "mail"
    root.mkdir()
    deliver(root, [destination(mailbox(1))])
    for path in stored(root):
        path.unlink()
    return root


def test_the_file_its_name_and_its_folder_come_before_the_reply(tmp_path: Path) -> None:
    root = made(tmp_path)
    answer, log = traced(root)
    assert answer == "reply 250"
    maildir = re.escape(str(root / "local.example/1"))
    steps = [
        rf'openat\(.*"{maildir}/tmp/[^"]+", O_WRONLY\|O_CREAT\|O_EXCL\|O_NOFOLLOW\|O_CLOEXEC, 0600',
        rf"write\(\d+<{maildir}/tmp/[^>]+>",
        rf"fsync\(\d+<{maildir}/tmp/[^>]+>",
        rf'rename\("{maildir}/tmp/[^"]+", "{maildir}/new/[^"]+,S=\d+"',
        rf"fsync\(\d+<{maildir}/new>",
        r'write\(1<[^>]*>, "reply 250"',
    ]
    found = [re.search(step, log) for step in steps]
    assert all(found), [step for step, match in zip(steps, found, strict=True) if match is None]
    places = [match.start() for match in found if match is not None]
    assert places == sorted(places)


@pytest.mark.parametrize("call", CALLS)
def test_case_120_an_error_from_the_kernel_at_every_call(tmp_path: Path, call: str) -> None:
    root = made(tmp_path)
    for number in range(1, 20):
        answer, log = traced(root, "-e", f"inject={call}:error=EIO:when={number}")
        if "(INJECTED)" not in log:
            break
        assert answer == "reply 451"
        assert stored(root) == []
    else:
        pytest.fail("injection never ran out of calls")
    assert number > 1
    assert len(stored(root)) == 1


@pytest.mark.parametrize("call", CALLS)
def test_case_122_killed_at_every_call(tmp_path: Path, call: str) -> None:
    root = made(tmp_path)
    for number in range(1, 20):
        answer, log = traced(root, "-e", f"inject={call}:signal=SIGKILL:when={number}")
        if "killed by SIGKILL" not in log:
            break
        assert answer == ""
        assert len(stored(root)) <= 1
        for path in stored(root):
            assert path.read_bytes().endswith(MESSAGE.replace(b"\r", b"")[-20:])
            path.unlink()
    else:
        pytest.fail("injection never ran out of calls")
    assert answer == "reply 250"
    assert len(stored(root)) == 1


@pytest.mark.parametrize(("size", "inodes"), [("64k", "0"), ("1m", "6")])
def test_case_120_a_disk_that_is_really_full(tmp_path: Path, size: str, inodes: str) -> None:
    """A tmpfs in a mount namespace of its own: too few pages for the message, or too few inodes."""
    root = tmp_path / "mail"
    root.mkdir()
    large = SCENE.replace(
        "[destination(mailbox(1))])", "[destination(mailbox(1))], content=Content.in_memory(b'x' * 100_000))"
    ).replace("import os, sys", "import os, sys\nfrom clement.spool.content import Content")
    script = 'mount -t tmpfs -o size="$1",nr_inodes="$2" tmpfs "$3" && "$4" -c "$5" "$3" && find "$3" -type f'
    done = run(["unshare", "-Urm", "sh", "-c", script, "sh", size, inodes, str(root), sys.executable, large])
    if done.returncode != 0 and "reply" not in done.stdout:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()[-80:]}")
    assert done.stdout == "reply 452"
