"""Moving mail into and out of junk teaches, with a real Dovecot doing the moving."""

import imaplib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clement.cli.junk_watch import JunkWatch
from clement.delivery.junk_folders import JunkFolders, JunkMemory, read_message
from clement.policy.directory import Directory, DirectoryContents, Domain, Group, LocalMailbox, Mode
from clement.policy.study import ContentStudy, Features
from clement.spool.filesystem import OsFileSystem
from clement.store import models
from clement.store.database import DatabaseSettings, connect, disconnect
from tests.fixtures.dovecot import PASSWORD, Dovecot
from tests.store.conftest import empty_all_tables

ANNA = "anna@local.example"
NOBODY = 65534
DIRECTORY = Directory(
    DirectoryContents(
        groups=(Group(1, "local", Mode.STORE),),
        domains=(Domain(2, "local.example", 1),),
        mailboxes=(LocalMailbox(3, ANNA, "anna", person_id=4),),
    )
)


@pytest.fixture
def sqlite(sqlite_settings: DatabaseSettings) -> Iterator[None]:
    connect(sqlite_settings)
    empty_all_tables()
    yield
    disconnect()


def studied(octets: bytes) -> ContentStudy:
    return ContentStudy(features=Features(octets[:8]), body_hash=octets[-16:])


def watch_of(mail_root: Path, state: Path, *, per_day: int = 100) -> JunkWatch:
    folders = JunkFolders(OsFileSystem(), ("Junk", "Spam"), lambda: 4e9)
    return JunkWatch(folders, str(mail_root), state, studied, per_day=per_day)


def message(name: str, flag: str = "") -> bytes:
    tag = f"X-Spam-Flag: {flag}\n" if flag else ""
    return f"Message-ID: <{name}@far.example>\n{tag}Subject: {name}\n\nbody of {name:>20}\n".encode()


def put(maildir: Path, folder: str, name: str, content: bytes) -> Path:
    """A message as some program stores it."""
    for part in ("cur", "new", "tmp"):
        (maildir / folder / part).mkdir(parents=True, exist_ok=True)
    path = maildir / folder / "new" / f"17000000{len(name):02}.M1P1Q{name}.host,S={len(content)}"
    path.write_bytes(content)
    return path


def acts() -> list[tuple[str, bool, str]]:
    """Message-ID, whether unwanted, and whether it stands."""
    found = models.TeachingAct.objects.order_by("id").values_list("message_id", "unwanted", "state")
    return [(message_id.partition("@")[0][1:], unwanted, state) for message_id, unwanted, state in found]


@pytest.mark.usefixtures("sqlite")
@pytest.mark.peer
def test_dovecot_moves_and_the_filter_hears(
    start_dovecot: Callable[..., Dovecot], short_folder: Path, tmp_path: Path
) -> None:
    root = short_folder / "mail"
    root.mkdir()
    for name in ("one", "two", "three", "four"):
        put(root / "anna", "", name, message(name))
    put(root / "anna", ".Junk", "old", message("old"))
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    dovecot = start_dovecot({ANNA: root / "anna"}, uid=NOBODY, gid=NOBODY)
    watch = watch_of(root, tmp_path / "state")
    with imaplib.IMAP4(*dovecot.imap_address, timeout=20) as imap:
        imap.login(ANNA, PASSWORD)
        for folder in ("Trash", "Lists"):
            imap.create(folder)

        def move(subject: str, source: str, target: str) -> None:
            imap.select(source)
            number = imap.search(None, "SUBJECT", subject)[1][0].decode()
            assert imap._simple_command("MOVE", number, target)[0] == "OK"  # type: ignore[attr-defined]

        assert watch.look(DIRECTORY) == 0  # what lies there already says nothing
        move("one", "INBOX", "Junk")
        assert watch.look(DIRECTORY) == 1
        assert acts() == [("one", True, "pending")]
        act = models.TeachingAct.objects.get()
        assert (act.group_key, act.domain_key, act.mailbox_key, act.person_key) == (1, 2, 3, 4)

        # Seen, flagged, or looked at by a watch that has just started: nothing new.
        imap.select("Junk")
        imap.store("1:*", "+FLAGS", "(\\Seen \\Flagged)")
        assert watch.look(DIRECTORY) == 0
        watch = watch_of(root, tmp_path / "state")
        assert watch.look(DIRECTORY) == 0

        # Taken out again, and filed away at once: that was wanted. Deleted, or put to the trash: nothing.
        move("one", "Junk", "Lists")
        move("old", "Junk", "INBOX")
        for name in ("two", "three"):
            move(name, "INBOX", "Junk")
        assert watch.look(DIRECTORY) == 4
        move("two", "Junk", "Trash")
        imap.select("Junk")
        imap.store(imap.search(None, "SUBJECT", "three")[1][0].decode(), "+FLAGS", "(\\Deleted)")
        imap.expunge()
        assert watch.look(DIRECTORY) == 0
    assert sorted(acts()) == [
        ("old", False, "pending"),
        ("one", False, "pending"),
        ("one", True, "undone"),
        ("three", True, "pending"),
        ("two", True, "pending"),
    ]


@pytest.mark.usefixtures("sqlite")
def test_what_a_rule_files_for_our_own_tag_is_nobodys_word(tmp_path: Path) -> None:
    maildir, watch = tmp_path / "mail" / "anna", watch_of(tmp_path / "mail", tmp_path / "state")
    put(maildir, "", "x", message("x"))
    assert watch.look(DIRECTORY) == 0
    put(maildir, ".Spam", "tagged", message("tagged", "YES"))
    put(maildir, ".Spam", "untagged", message("untagged", "no"))
    assert watch.look(DIRECTORY) == 1
    assert acts() == [("untagged", True, "pending")]


@pytest.mark.usefixtures("sqlite")
def test_many_moves_are_taught_look_by_look_and_up_to_the_quota(tmp_path: Path) -> None:
    maildir = tmp_path / "mail" / "anna"
    put(maildir, ".Junk", "old", message("old"))
    watch = watch_of(tmp_path / "mail", tmp_path / "state", per_day=25)
    assert watch.look(DIRECTORY) == 0
    for number in range(45):
        put(maildir, ".Junk", f"n{number}", message(f"n{number}"))
    assert [watch.look(DIRECTORY) for _ in range(4)] == [20, 20, 5, 0]
    assert len(acts()) == 25
    watch.tidy(Directory())
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.usefixtures("sqlite")
def test_a_name_that_is_no_text_stops_nothing(tmp_path: Path) -> None:
    """Such a message is not looked at, since its name cannot be remembered; the one beside it is."""
    maildir, watch = tmp_path / "anna", watch_of(tmp_path, tmp_path / "state")
    put(maildir, ".Junk", "first", message("first"))
    assert watch.look(DIRECTORY) == 0
    for name in ("odd", "even"):
        put(maildir, ".Junk", name, message(name))
    odd = next((maildir / ".Junk" / "new").glob("1700000003.*"))
    odd.rename(odd.with_name(os.fsdecode(b"17\xff.host")))
    assert watch.look(DIRECTORY) == 1
    assert watch.look(DIRECTORY) == 0


def test_a_mailbox_can_make_nobody_read_what_is_no_message(tmp_path: Path) -> None:
    """Links, pipes and folders, also folders that are links (a mailbox is its owner's to fill)."""
    maildir, secret = tmp_path / "anna", tmp_path / "secret"
    secret.write_text("secret")
    link = put(maildir, ".Junk", "link", b"")
    link.unlink()
    link.symlink_to(secret)
    os.mkfifo(maildir / ".Junk" / "new" / "pipe")
    (maildir / ".Junk" / "new" / "folder").mkdir()
    (maildir / ".Spam").symlink_to(tmp_path)
    large = put(maildir, ".Junk", "large", b"x" * 100)
    look = JunkFolders(OsFileSystem(), ("Junk", "Spam"), lambda: 4e9).look(str(maildir), JunkMemory(), 20)
    assert len(look.moved) == 4
    opened = sorted(Path("/proc/self/fd").iterdir())
    assert [read_message(moved.path, 50) for moved in look.moved] == [None] * 4
    assert sorted(Path("/proc/self/fd").iterdir()) == opened
    assert read_message(str(large), 100) == b"x" * 100
