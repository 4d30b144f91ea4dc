"""Members of enumerations, looked up at the speed of Python 3.12."""

from __future__ import annotations

from enum import EnumType


def hasten() -> None:
    """Take the metaclass's look-up of last resort away; every member is an attribute of its class besides.

    Python 3.11 still has `EnumType.__getattr__`, by which members were found long ago. It makes each
    `Reason.VIRUS` cost 90 ns instead of 15, and a session has fifty of them. Python 3.12 has dropped it
    (python/cpython#106762), so that nothing happens here then.
    """
    if "__getattr__" in vars(EnumType):
        del EnumType.__getattr__  # type: ignore[attr-defined]
