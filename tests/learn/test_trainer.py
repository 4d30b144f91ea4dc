"""What is learned, by whom, and that nobody can turn it against the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from clement.learn.layout import HEAD_BYTES
from clement.learn.model import Model, ModelError
from clement.learn.trainer import Trainer
from clement.learn.weighing import BOUND, READY_MESSAGES
from clement.policy.study import Features
from tests.learn.mail import KEY, features

BITS = 20
ANNA, BERT, CLARA = ("d:1", "m:1"), ("d:1", "m:2"), ("d:2", "m:3")


def trained(messages: int = 120, spam_of: int = 2) -> Trainer:
    """Has seen ham and spam in turn; of `spam_of` messages one is ham."""
    trainer = Trainer(KEY, BITS)
    for number in range(messages):
        unwanted = number % spam_of != 0
        trainer.learn(features("spam" if unwanted else "ham", number), unwanted=unwanted)
    return trainer


def odds(trainer: Trainer, kind: str, scopes: tuple[str, ...] = (), since: int = 1000) -> np.ndarray:
    return np.array([trainer.weigh(features(kind, since + n), (), scopes).log_odds for n in range(20)])


def test_what_was_learned_is_told_of_messages_never_seen() -> None:
    trainer = trained()
    assert (odds(trainer, "spam") > 1.6).all()
    assert (odds(trainer, "ham") < -1.6).all()


def test_it_is_quiet_until_it_has_seen_enough_of_both() -> None:
    trainer = Trainer(KEY, BITS)
    for number in range(2 * READY_MESSAGES):
        trainer.learn(features("spam", number), unwanted=True)
    assert not trainer.weigh(features("spam", 1000)).ready
    for number in range(READY_MESSAGES):
        assert not trainer.weigh(features("ham", 1000)).ready
        trainer.learn(features("ham", number), unwanted=False)
    assert trainer.weigh(features("ham", 1000)).ready


def test_a_model_that_has_learned_nothing_says_nothing() -> None:
    weighing = Trainer(KEY, BITS).weigh(features("ham", 1))
    assert (weighing.log_odds, weighing.probability, weighing.ready, weighing.strongest) == (
        0.0,
        0.5,
        False,
        (),
    )


def test_log_odds_are_bounded_and_the_strongest_features_have_names() -> None:
    trainer = trained()
    weighing = trainer.weigh(features("spam", 5), ("spf=fail",))
    assert -BOUND < weighing.log_odds < BOUND
    assert 1 <= len(weighing.strongest) <= 8
    shares = [abs(share) for _, share in weighing.strongest]
    assert shares == sorted(shares, reverse=True)
    assert all(name for name, _ in weighing.strongest)


def test_what_other_checks_found_is_learned_as_well() -> None:
    trainer = Trainer(KEY, BITS)
    for number in range(60):
        trainer.learn(features("ham", number), ("spf=pass",), unwanted=False)
        trainer.learn(features("ham", number), ("spf=fail",), unwanted=True)
    both = [trainer.weigh(features("ham", 7), (f"spf={word}",)) for word in ("pass", "fail")]
    assert both[0].log_odds < both[1].log_odds
    assert dict(both[1].strongest)["spf=fail"] > 0


def test_ten_times_as_much_spam_does_not_push_everything_to_spam() -> None:
    trainer = trained(messages=330, spam_of=11)
    assert (odds(trainer, "ham") < -1.0).all()
    assert (odds(trainer, "spam") > 1.0).all()
    assert abs(odds(trainer, "news").mean()) < 3


def test_a_saved_model_is_the_same_mapped_and_loaded(tmp_path: Path) -> None:
    trainer = trained()
    trainer.learn(features("news", 1), ("list=pass",), ANNA, unwanted=True)
    trainer.save(tmp_path / "model")
    asked = (features("news", 2), ("list=pass",), ANNA)
    model, loaded = Model.open(tmp_path / "model"), Trainer.load(tmp_path / "model")
    assert model.weigh(*asked) == trainer.weigh(*asked) == loaded.weigh(*asked)
    assert model.key == KEY
    for each in (trainer, loaded):
        each.learn(features("spam", 500), (), CLARA, unwanted=True)
        each.save(tmp_path / f"again-{each is trainer}")
    assert (tmp_path / "again-True").read_bytes() == (tmp_path / "again-False").read_bytes()


def test_who_has_opened_a_model_keeps_it_when_another_takes_its_place(tmp_path: Path) -> None:
    trainer = trained()
    trainer.save(tmp_path / "model")
    model = Model.open(tmp_path / "model")
    before = model.weigh(features("news", 2))
    for number in range(30):
        trainer.learn(features("news", number), unwanted=True)
    trainer.save(tmp_path / "model")
    assert model.weigh(features("news", 2)) == before
    assert Model.open(tmp_path / "model").weigh(features("news", 2)).log_odds > before.log_odds
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_same_acts_give_the_same_octets(tmp_path: Path) -> None:
    for name in ("one", "other"):
        trainer = trained(60)
        trainer.learn(features("news", 1), (), BERT, unwanted=True, weight=0.5)
        trainer.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda _: b"something else" * 1000,
        lambda octets: octets[: HEAD_BYTES + 17],
        lambda octets: octets[:12] + b"\xff" * 40 + octets[52:],
    ],
)
def test_what_is_no_model_is_told_so(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    trained(4).save(tmp_path / "model")
    path = tmp_path / "spoilt"
    path.write_bytes(spoil((tmp_path / "model").read_bytes()))
    with pytest.raises(ModelError):
        Model.open(path)


def test_a_trainer_without_its_memory_is_not_loaded(tmp_path: Path) -> None:
    trained(4).save(tmp_path / "model")
    octets = (tmp_path / "model").read_bytes()
    (tmp_path / "model").write_bytes(octets[: HEAD_BYTES + 8 * (1 << BITS)])
    with pytest.raises(ModelError, match="memory"):
        Trainer.load(tmp_path / "model")


def test_two_tastes() -> None:
    trainer = trained(200)
    before = odds(trainer, "news", CLARA)
    for number in range(4):
        trainer.learn(features("news", number), (), ANNA, unwanted=False)
        trainer.learn(features("news", 100 + number), (), BERT, unwanted=True)
    assert (odds(trainer, "news", ANNA) < -1).all()
    assert (odds(trainer, "news", BERT) > 1).all()
    assert np.abs(odds(trainer, "news", CLARA) - before).max() < 0.5
    for scopes in (ANNA, BERT, CLARA):
        assert (odds(trainer, "ham", scopes) < -1).all()
        assert (odds(trainer, "spam", scopes) > 0.5).all()


def test_one_word_of_a_person_is_enough_for_the_message_he_speaks_of() -> None:
    trainer = trained(200)
    for kind, unwanted in (("ham", True), ("spam", False)):
        trainer.learn(features(kind, 7), (), ANNA, unwanted=unwanted)
        assert (trainer.weigh(features(kind, 7), (), ANNA).log_odds > 1.6) is unwanted
        assert (trainer.weigh(features(kind, 7), (), CLARA).log_odds > 1.6) is not unwanted


def test_his_domain_learns_more_of_it_than_strangers() -> None:
    trainer = trained(200)
    before = odds(trainer, "news")
    for number in range(6):
        trainer.learn(features("news", number), (), BERT, unwanted=True)
    neighbour, stranger = odds(trainer, "news", ANNA) - before, odds(trainer, "news", CLARA) - before
    assert neighbour.mean() > stranger.mean() > 0


def test_one_who_teaches_500_lies_hardly_moves_the_others() -> None:
    trainer = trained(400)
    before = odds(trainer, "ham", CLARA)
    for number in range(500):
        trainer.learn(features("ham", 2000 + number), (), BERT, unwanted=True)
    assert (odds(trainer, "ham", BERT) > 1).all()
    after = odds(trainer, "ham", CLARA)
    assert (after < -1.6).all()
    assert (after - before).mean() < 1


def test_the_influence_of_one_person_ends_however_often_he_teaches() -> None:
    trainer = trained(100)
    shifts = []
    for round_ in range(3):
        before = odds(trainer, "ham")
        for number in range(80):
            trainer.learn(features("ham", 3000 + 80 * round_ + number), (), BERT, unwanted=True)
        shifts.append(float((odds(trainer, "ham") - before).mean()))
    assert shifts[2] < shifts[0] / 3 + 0.01


def test_an_act_of_little_weight_teaches_little() -> None:
    firm, faint = trained(100), trained(100)
    before = odds(firm, "news").mean()
    firm.learn(features("news", 1), unwanted=True)
    faint.learn(features("news", 1), unwanted=True, weight=0.1)
    assert 0 < odds(faint, "news").mean() - before < 0.5 * (odds(firm, "news").mean() - before)


def test_what_is_not_confirmed_is_slowly_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    def remembered() -> float:
        trainer = trained(60)
        asked = Features(features("spam", 1).hashes[:400])
        before = trainer.weigh(asked).log_odds
        for number in range(120):
            trainer.learn(features("spam" if number % 2 else "ham", number % 60), unwanted=number % 2 > 0)
        return trainer.weigh(asked).log_odds - before

    faithful = remembered()
    monkeypatch.setattr("clement.learn.trainer.FADE_MESSAGES", 40.0)
    assert remembered() < faithful


def test_features_that_are_damaged_do_no_harm() -> None:
    trainer = trained(10)
    for broken in (Features(b"\1", b""), Features(b"\1\2\3\4\5", b"a\0b\0c"), Features(b"", b"x")):
        trainer.learn(broken, unwanted=True)
        assert msgspec.to_builtins(trainer.weigh(broken))["ready"] is False
