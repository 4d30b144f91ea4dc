"""Fixtures for all tests; each starts a real program on loopback, or skips and says why."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A property is a statement about results: how long an example takes on a busy machine proves nothing.
settings.register_profile("test", deadline=None, print_blob=True)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=200_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))

# A job that a shell put in the background ignores SIGINT, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent

pytest_plugins = [
    "tests.fixtures.places",
    "tests.fixtures.programs",
    "tests.fixtures.eicar",
    "tests.fixtures.clamd",
    "tests.fixtures.dns_server",
    "tests.fixtures.dns_lists",
    "tests.fixtures.postgresql",
    "tests.fixtures.mariadb",
    "tests.fixtures.swaks",
    "tests.fixtures.postfix",
    "tests.fixtures.exim",
    "tests.fixtures.dovecot",
    "tests.fixtures.chromium",
    "tests.fixtures.clement",
    "tests.server.house",
]

# Folders whose files take longest, because they start servers. Begun last, one would run alone at the end.
LONGEST_FIRST = ("crash", "stories", "store", "server", "peers", "mesh", "cli", "delivery")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; `make test` hands files out in this order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(TESTS).parts[0], len(ranks)))
