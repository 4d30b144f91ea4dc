"""The configuration: clement.toml as frozen values, and every mistake in it named at once.

`load` reads a file into `Settings` and raises `ConfigurationError` with all problems it
found; each names file, line and key and says what is expected. Nothing here opens a
socket, connects to a database or changes a file: what only trying can tell is found by
`clement.config.inspection`, which `clement check` runs.
"""

from clement.config.endpoint import Endpoint, InheritedEndpoint, TcpEndpoint, UnixEndpoint
from clement.config.listener import ListenerKind, ListenerSettings
from clement.config.load import load
from clement.config.problem import ConfigurationError, Problem
from clement.config.settings import Settings

__all__ = [
    "ConfigurationError",
    "Endpoint",
    "InheritedEndpoint",
    "ListenerKind",
    "ListenerSettings",
    "Problem",
    "Settings",
    "TcpEndpoint",
    "UnixEndpoint",
    "load",
]
