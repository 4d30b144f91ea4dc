"""Half of the synthetic month, at a tenth of its size: who is never banned, who is; no ban is wrong."""

from pathlib import Path

import pytest
from bench.reputation_month import play

from clement.store.database import DatabaseSettings, connect, disconnect
from clement.store.schema import migrate


@pytest.mark.timeout(600)  # ten seconds of work, but a busy machine takes a minute for it
def test_the_big_provider_is_never_banned_and_the_snowshoe_network_is(tmp_path: Path) -> None:
    connect(DatabaseSettings(path=str(tmp_path / "month.sqlite3")))
    try:
        migrate()
        ended = play(days=16, scale=0.1, seed=7)
    finally:
        disconnect()
    assert not ended.provider_banned
    assert not ended.newsletter_banned
    assert not ended.stale_banned
    assert ended.snowshoe_banned
    assert ended.hacked_banned
    assert ended.ban_precision >= 0.99, ended.wrong_bans
    assert ended.wrong_trusts == ()
    assert ended.heavy_recall >= 0.5
