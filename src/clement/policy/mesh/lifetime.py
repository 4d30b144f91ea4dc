"""How long what a server asserts may live: its configuration is held to it, and so is whoever asserts."""

from __future__ import annotations

from typing import Final

LONGEST_LIFE_S: Final = 30 * 86_400
"""No assertion outlives its issue by more: what its origin cannot take back ends by itself."""
