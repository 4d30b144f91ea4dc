"""The store as verbs use it: connected by the settings, its failures turned into exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clement.cli.exit_codes import ExitCode, Failure

if TYPE_CHECKING:
    from clement.config.settings import DatabaseSettings as Configured
    from clement.store.database import DatabaseSettings


def store_settings(configured: Configured) -> DatabaseSettings:
    """The `[database]` table as `clement.store` wants it.

    Raises Failure when the password cannot be read.
    """
    from clement.store.database import DatabaseSettings, Engine

    engine = Engine(configured.engine.value)
    if engine is Engine.SQLITE:
        return DatabaseSettings(
            path=str(configured.path), connect_timeout_s=round(configured.connect_timeout_s)
        )
    is_socket = configured.host.startswith("/")
    try:
        password = configured.password.reveal() if configured.password else ""
    except ValueError as error:
        raise Failure(ExitCode.CONFIGURATION, f"database.password: {error}") from None
    return DatabaseSettings(
        engine=engine,
        name=configured.name,
        host="" if is_socket else configured.host,
        socket=configured.host if is_socket else "",
        port=configured.port or 0,
        user=configured.user,
        password=password,
        connect_timeout_s=max(1, round(configured.connect_timeout_s)),
    )
