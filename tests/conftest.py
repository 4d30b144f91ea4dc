"""Fixtures for all tests; each starts a real program on loopback, or skips and says why."""

import os

from hypothesis import settings

# A property is a statement about results: how long an example takes on a busy machine proves nothing.
settings.register_profile("test", deadline=None, print_blob=True)
settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=200_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))

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
