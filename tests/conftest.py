"""Fixtures for all tests; each starts a real program on loopback, or skips and says why."""

pytest_plugins = [
    "tests.fixtures.places",
    "tests.fixtures.programs",
    "tests.fixtures.eicar",
    "tests.fixtures.clamd",
    "tests.fixtures.postgresql",
    "tests.fixtures.mariadb",
    "tests.fixtures.swaks",
    "tests.fixtures.postfix",
    "tests.fixtures.exim",
    "tests.fixtures.dovecot",
]
