"""The model on its way from SQL to receivers: whole, the same on every node, and the last one stands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from clement.learn.features import of_findings
from clement.learn.model import Model, ModelError
from clement.learn.trainer import Trainer
from clement.policy.finding import Finding, Result
from clement.policy.study import Features
from clement.server.learned_file import LearnedFile, ModelKeeper, ModelPaths, Version

KEY = bytes(range(32))
FEATURES = Features(b"".join(number.to_bytes(4, "little") for number in range(1, 40)))


class Away(Exception):
    """SQL does not answer."""


class Store:
    """Versions in SQL, for several nodes."""

    def __init__(self) -> None:
        self.models: list[bytes] = []
        self.held: dict[str, int] = {}
        self.away = False
        self.site_key = KEY

    def of(self, node: str) -> "NodeStore":
        return NodeStore(self, node)

    def publish(self, model: bytes) -> None:
        self.models.append(model)


class NodeStore:
    """As one node sees it."""

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node

    def key(self) -> bytes:
        if self._store.away:
            raise Away
        return self._store.site_key

    def newest(self) -> Version | None:
        import hashlib

        if self._store.away:
            raise Away
        models = self._store.models
        return Version(len(models), hashlib.sha256(models[-1]).hexdigest()) if models else None

    def fetch(self, version: Version, path: Path) -> None:
        fresh = path.with_suffix(".new")
        fresh.write_bytes(self._store.models[version.number - 1])
        fresh.replace(path)

    def hold(self, version: Version) -> None:
        self._store.held[self._node] = version.number


def model_of(folder: Path, *, unwanted: bool) -> bytes:
    """A small model that has seen enough, and thinks of FEATURES so."""
    trainer = Trainer(KEY, bits=10)
    other = Features(bytes(reversed(FEATURES.hashes)))
    for _ in range(60):
        trainer.learn(FEATURES, unwanted=unwanted)
        trainer.learn(other, unwanted=not unwanted)
    trainer.save(folder / "trained")
    return (folder / "trained").read_bytes()


@pytest.fixture
def node(tmp_path: Path) -> Callable[[Store, str], tuple[ModelKeeper, LearnedFile, ModelPaths]]:
    def make(store: Store, name: str) -> tuple[ModelKeeper, LearnedFile, ModelPaths]:
        paths = ModelPaths(tmp_path / name)
        return ModelKeeper(paths, store.of(name), Away), LearnedFile(paths, Model.open, of_findings), paths

    return make


Node = Callable[[Store, str], tuple[ModelKeeper, LearnedFile, ModelPaths]]


def test_two_nodes_have_the_same_version_and_judge_by_it_at_once(node: Node, tmp_path: Path) -> None:
    store = Store()
    (anna, annas, anna_paths), (bruno, brunos, bruno_paths) = node(store, "anna"), node(store, "bruno")
    for keeper, learned in ((anna, annas), (bruno, brunos)):
        assert not keeper.step()
        assert not learned.refresh()
        assert learned.key == KEY
        assert learned.weigh(FEATURES, (), 0, ()) is None
    assert anna_paths.key.stat().st_mode & 0o777 == 0o600

    store.publish(model_of(tmp_path, unwanted=True))
    for keeper, learned in ((anna, annas), (bruno, brunos)):
        assert keeper.step()
        assert not keeper.step()
        assert learned.refresh()
        assert not learned.refresh()
        weighing = learned.weigh(FEATURES, [Finding("spf", Result.PASS)], 1, (2, 3))
        assert weighing is not None
        assert weighing.ready
        assert weighing.log_odds > 1
    assert anna_paths.model.read_bytes() == bruno_paths.model.read_bytes()
    assert store.held == {"anna": 1, "bruno": 1}

    store.publish(model_of(tmp_path, unwanted=False))
    anna.step()
    annas.refresh()
    brunos.refresh()
    changed, same = annas.weigh(FEATURES, (), 0, ()), brunos.weigh(FEATURES, (), 0, ())
    assert changed is not None
    assert same is not None
    assert changed.log_odds < 0 < same.log_odds
    assert store.held == {"anna": 2, "bruno": 1}


def test_after_a_restart_the_file_that_is_there_is_not_fetched_again(node: Node, tmp_path: Path) -> None:
    store = Store()
    store.publish(model_of(tmp_path, unwanted=True))
    assert node(store, "anna")[0].step()
    keeper, learned, paths = node(store, "anna")
    before = paths.model.stat().st_ino
    assert not keeper.step()
    assert learned.refresh()
    assert (store.held["anna"], paths.model.stat().st_ino) == (1, before)


def test_what_cannot_be_had_or_read_leaves_the_last_model_in_force(node: Node, tmp_path: Path) -> None:
    store = Store()
    store.publish(model_of(tmp_path, unwanted=True))
    keeper, learned, paths = node(store, "anna")
    keeper.step()
    learned.refresh()
    store.away = True
    assert not keeper.step()
    paths.model.with_suffix(".bad").write_bytes(b"no model")
    paths.model.with_suffix(".bad").replace(paths.model)
    assert not learned.refresh()
    weighing = learned.weigh(FEATURES, (), 0, ())
    assert weighing is not None
    assert weighing.log_odds > 1
    with pytest.raises(ModelError):
        Model.open(paths.model)


def test_a_database_made_anew_has_another_key_and_the_model_of_the_old_one_is_as_none(
    node: Node, tmp_path: Path
) -> None:
    store = Store()
    store.publish(model_of(tmp_path, unwanted=True))
    node(store, "anna")[0].step()
    store.models.clear()
    store.site_key = bytes(32)
    keeper, learned, _paths = node(store, "anna")
    keeper.step()
    assert learned.refresh()
    assert learned.key == bytes(32)
    assert learned.weigh(FEATURES, (), 0, ()) is None
