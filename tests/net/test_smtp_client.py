"""Which next hops a client remembers when there are more than it has room for."""

import asyncio
import time
from pathlib import Path

import pytest

from clement.net.hop_connection import HopTimeouts, HopUnavailable, TlsContexts
from clement.net.hop_pool import PoolLimits
from clement.net.smtp_client import SmtpClient
from clement.policy.directory import NextHop
from tests.delivery.hops import Hop

TIMEOUTS = HopTimeouts(60, 60, 60, 60, 60, 60, 60)
PATIENCE_S = 60.0


async def fail_with(client: SmtpClient, folder: Path, names: range) -> None:
    """Try hops whose sockets do not exist."""
    for name in names:
        with pytest.raises(HopUnavailable):
            await client.lease([NextHop(f"{folder}/{name}", 0)], PATIENCE_S)


def client_with(limits: PoolLimits | None = None) -> SmtpClient:
    return SmtpClient("mx.example", time.monotonic, TlsContexts.standard(), TIMEOUTS, limits)


def test_the_hop_used_longest_ago_is_forgotten_first(tmp_path: Path) -> None:
    async def scene() -> None:
        client = client_with()
        async with Hop().running() as hop:
            client.give_back(await client.lease([hop.address()], PATIENCE_S))
            await fail_with(client, tmp_path, range(999))
            client.give_back(await client.lease([hop.address()], PATIENCE_S))
            await fail_with(client, tmp_path, range(999, 1900))
            client.give_back(await client.lease([hop.address()], PATIENCE_S))
            assert hop.connections == 1
            await fail_with(client, tmp_path, range(1900, 3000))
            client.give_back(await client.lease([hop.address()], PATIENCE_S))
            assert hop.connections == 2
            client.close()

    asyncio.run(scene())


def test_a_hop_in_use_is_not_forgotten_since_its_connections_count(tmp_path: Path) -> None:
    async def scene() -> None:
        client = client_with(PoolLimits(connections=1))
        async with Hop().running() as hop:
            connection = await client.lease([hop.address()], PATIENCE_S)
            await fail_with(client, tmp_path, range(1100))
            with pytest.raises(HopUnavailable, match="no connection free in time"):
                await client.lease([hop.address()], 0.05)
            client.give_back(connection)
            client.close()

    asyncio.run(scene())
