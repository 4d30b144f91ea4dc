"""Learning in the steward, and its way to every node: in order, once, and undone as if never taught."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from clement.cli.learning_rounds import LearningRounds
from clement.config.learning import LearningSettings
from clement.learn.model import Model
from clement.learn.trainer import Trainer
from clement.policy.lesson import Way
from clement.store import models
from clement.store.access import teaching as access
from clement.store.access.actor import Actor
from clement.store.actions.teaching import teach, undo
from clement.store.learning import ledger, site, snapshots
from clement.store.learning_records import ActState, SnapshotRow
from tests.store.directories import build_site
from tests.store.pupils import School, lesson

KEY = bytes(range(32))


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def begin(root: Actor, clock: Clock, tmp_path: Path) -> Callable[[str], LearningRounds]:  # noqa: ARG001
    """A function: begin("name") gives the rounds of a steward of that name."""
    site.site_key(lambda _count: KEY)

    def rounds(name: str) -> LearningRounds:
        return LearningRounds(LearningSettings(), name, tmp_path / name, School(), clock, clock)

    return rounds


def taught(path: Path) -> list[int]:
    """The numbers of the messages in a model, in order."""
    _key, lessons = json.loads(path.read_text())
    return [told[0] for told in lessons]


def fetched(folder: Path) -> Path:
    """The newest version as a node gets it."""
    newest = snapshots.newest()
    assert newest is not None
    snapshots.fetch(newest.version, newest.sha256, folder / "fetched")
    return folder / "fetched"


def test_lessons_are_learned_in_order_each_once_and_published_at_intervals(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    rounds = begin("anna")
    assert rounds.step() is None
    for number in (1, 2, 3):
        teach(root, lesson(number))
    first = rounds.step()
    assert first is not None
    assert (first.version, first.acts) == (1, 3)
    teach(root, lesson(4))
    assert rounds.step() is None  # published just now
    clock.now_s += 31
    second = rounds.step()
    assert second is not None
    assert second.version == 2
    assert taught(fetched(tmp_path)) == [1, 2, 3, 4]
    clock.now_s += 31
    assert rounds.step() is None
    assert not (tmp_path / "anna" / "model").exists()


def test_what_was_undone_is_as_if_never_taught_to_the_last_bit(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    rounds = begin("anna")
    acts = {}
    for number in (1, 2, 3, 4, 5):
        acts[number] = teach(root, lesson(number, unwanted=bool(number % 2))).act_id
        rounds.step()
        clock.now_s += 31
    undo(root, acts[2])
    assert access.act(root, acts[2]).state is ActState.UNDOING
    rounds.step()
    assert access.act(root, acts[2]).state is ActState.UNDONE
    after_undo = fetched(tmp_path).read_bytes()

    models.TeachingAct.objects.all().delete()
    models.Learning.objects.update(version=0)
    models.ModelSnapshot.objects.all().delete()
    rounds = begin("bruno")
    for number in (1, 3, 4, 5):
        teach(root, lesson(number, unwanted=bool(number % 2)))
    site.give_up("anna")
    rounds.step()
    assert fetched(tmp_path).read_bytes() == after_undo


def test_an_import_is_learned_again_mixed_once_it_is_complete(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    rounds = begin("anna")
    teach(root, lesson(99))
    for number in range(40):
        teach(root, lesson(number, unwanted=number < 20, way=Way.IMPORT))
    rounds.step()
    assert taught(fetched(tmp_path)) == [99, *range(40)]
    clock.now_s += 301
    rounds.step()
    mixed = taught(fetched(tmp_path))
    assert sorted(mixed[:40]) == list(range(40))
    assert mixed[40:] == [99]
    halves = [sum(number < 20 for number in part) for part in (mixed[:20], mixed[20:40])]
    assert min(halves) > 4
    clock.now_s += 3001
    assert rounds.step() is None
    teach(root, lesson(100))
    rounds.step()
    assert taught(fetched(tmp_path)) == [*mixed, 100]


class SmallTrainers:
    """The real trainer, with few weights."""

    def begin(self, key: bytes) -> Trainer:
        return Trainer(key, bits=12)

    def load(self, path: Path) -> Trainer:
        return Trainer.load(path)


def test_with_the_real_trainer_too_undone_is_never_taught(root: Actor, clock: Clock, tmp_path: Path) -> None:
    site.site_key(lambda _count: KEY)
    build_site(root)
    taste = ("", "@one.north.example", "anna@one.north.example")

    def rounds(name: str) -> LearningRounds:
        return LearningRounds(LearningSettings(), name, tmp_path / name, SmallTrainers(), clock, clock)

    def give(number: int) -> int:
        features = b"".join((number * 7 + step).to_bytes(4, "little") for step in range(30))
        told = lesson(number, unwanted=bool(number % 2), features=features, extra=("spf=pass",))
        return teach(root, told, taste[number % 3]).act_id

    first = rounds("anna")
    acts = {}
    for number in range(8):
        acts[number] = give(number)
        first.step()
        clock.now_s += 31
    for number in (1, 5):
        undo(root, acts[number])
    first.step()
    after_undo = fetched(tmp_path).read_bytes()
    assert Model.open(tmp_path / "fetched").head.acts == 6

    models.TeachingAct.objects.all().delete()
    models.Learning.objects.update(version=0)
    models.ModelSnapshot.objects.all().delete()
    for number in (0, 2, 3, 4, 6, 7):
        give(number)
    site.give_up("anna")
    rounds("bruno").step()
    assert fetched(tmp_path).read_bytes() == after_undo


def test_what_is_undone_while_it_is_learned_comes_out_again(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    teach(root, lesson(1))
    second = teach(root, lesson(2)).act_id
    rounds = begin("anna")
    bring = snapshots._bring

    def undo_meanwhile(path: Path, now_s: float) -> object:
        undo(root, second)
        return bring(path, now_s)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "_bring", undo_meanwhile)
        rounds.step()
    assert access.act(root, second).state is ActState.UNDOING
    rounds.step()
    assert taught(fetched(tmp_path)) == [1]
    clock.now_s += 600
    assert rounds.step() is None


def test_of_two_stewards_one_teaches_and_one_that_came_too_late_begins_again(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    anna, bruno = begin("anna"), begin("bruno")
    teach(root, lesson(1))
    assert anna.step() is not None
    teach(root, lesson(2))
    assert bruno.step() is None  # anna's lease
    clock.now_s += site.LEASE_S + 1
    assert bruno.step() is not None
    clock.now_s += site.LEASE_S + 1
    teach(root, lesson(3))

    def overtaken(*arguments: object, **named: object) -> SnapshotRow:
        models.Learning.objects.update(version=7)
        return publish(*arguments, **named)  # type: ignore[arg-type]

    publish = snapshots.publish
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "publish", overtaken)
        assert anna.step() is None
    assert ledger.has_pending()
    assert models.ModelSnapshot.objects.filter(version=0).count() == 0
    models.Learning.objects.update(version=2)
    assert anna.step() is not None
    assert taught(fetched(tmp_path)) == [1, 2, 3]


def test_a_crash_before_publishing_leaves_the_lessons_to_be_learned(
    begin: Callable[[str], LearningRounds], root: Actor, tmp_path: Path
) -> None:
    rounds = begin("anna")
    teach(root, lesson(1))

    def crash(*_arguments: object, **_named: object) -> None:
        raise OperationalError("gone away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "_make_newest", crash)
        with pytest.raises(OperationalError):
            rounds.step()
    assert snapshots.newest() is None
    assert rounds.step() is not None
    assert taught(fetched(tmp_path)) == [1]


def test_what_the_ledger_has_forgotten_leaves_the_model_within_a_day(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    rounds = begin("anna")
    for number in (1, 2, 3):
        teach(root, lesson(number))
    rounds.step()
    models.Learning.objects.update(rebuilt_at_s=clock.now_s)
    assert ledger.forget(clock.now_s, keep_days=0, keep_acts=2) == 1
    clock.now_s += 3600
    assert rounds.step() is None
    clock.now_s += ledger.DAY_S
    published = rounds.step()
    assert published is not None
    assert published.acts == 2
    assert taught(fetched(tmp_path)) == [2, 3]
    clock.now_s += 2 * ledger.DAY_S
    assert rounds.step() is None


def test_a_model_of_another_format_is_made_again_from_the_ledger(
    begin: Callable[[str], LearningRounds], root: Actor, clock: Clock, tmp_path: Path
) -> None:
    teach(root, lesson(1))
    begin("anna").step()
    old = tmp_path / "old"
    old.write_text("of another format")
    snapshots.publish(old, 1, clock.now_s, learned=())
    teach(root, lesson(2))
    site.give_up("anna")
    assert begin("bruno").step() is not None
    assert taught(fetched(tmp_path)) == [1, 2]


def test_large_models_travel_in_parts_and_three_versions_are_kept(root: Actor, tmp_path: Path) -> None:  # noqa: ARG001
    path = tmp_path / "model"
    for version in range(1, 6):
        path.write_bytes(bytes([version]) * (2 * snapshots.CHUNK_BYTES + version))
        snapshots.publish(path, version - 1, 1_790_000_000.0, learned=())
    versions = list(models.ModelSnapshot.objects.order_by("version").values_list("version", flat=True))
    assert versions == [3, 4, 5]
    assert models.ModelChunk.objects.count() == 9
    assert fetched(tmp_path).read_bytes() == path.read_bytes()
    assert (tmp_path / "fetched").stat().st_mode & 0o777 == 0o600
    models.ModelChunk.objects.filter(snapshot__version=5, position=1).delete()
    with pytest.raises(snapshots.SnapshotDamaged):
        fetched(tmp_path)
    assert (tmp_path / "fetched").read_bytes() == path.read_bytes()


def test_the_key_is_made_once(root: Actor) -> None:
    first = site.site_key()
    assert len(first) == 32
    assert site.site_key(lambda count: b"x" * count) == first
    assert first.hex() not in repr(access.status(root, 0.0))
