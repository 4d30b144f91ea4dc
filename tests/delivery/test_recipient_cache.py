"""The memory of verifications is bounded in time and in number."""

from clement.delivery.recipient_cache import CacheTimes, RecipientCache
from clement.delivery.transport import Placement
from clement.smtp import replies

NO, LATER = Placement(replies.MAILBOX_UNKNOWN), Placement(replies.MAILBOX_UNVERIFIED)


def test_each_kind_of_answer_has_its_time() -> None:
    now = [0.0]
    cache = RecipientCache(lambda: now[0], CacheTimes(accepted_s=30, refused_s=20, deferred_s=10))
    for key, answer in (("yes", None), ("no", NO), ("later", LATER)):
        cache.put(key, answer)
    seen = []
    for at_s in (9, 10, 20, 30):
        now[0] = at_s
        seen.append([cache.get(key) for key in ("yes", "no", "later")])
    assert seen == [[None, NO, LATER], [None, NO, False], [None, False, False], [False, False, False]]


def test_the_least_used_go_first() -> None:
    cache = RecipientCache(lambda: 0.0, max_entries=2)
    cache.put("a", None)
    cache.put("b", None)
    assert cache.get("a") is None
    cache.put("c", None)
    assert [cache.get(key) for key in "abc"] == [None, False, None]


def test_what_was_wrong_is_forgotten() -> None:
    cache = RecipientCache(lambda: 0.0)
    cache.put("a", NO)
    cache.forget("a")
    cache.forget("b")
    assert cache.get("a") is False
