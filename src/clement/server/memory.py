"""How the C library's allocator keeps or returns memory; a receiver holds large buffers only for moments."""

from __future__ import annotations

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE_BUFFER_BYTES: Final = 128 * 1024


def return_large_buffers() -> None:
    """Have buffers from 128 KiB up returned to the system as soon as they are free (mallopt(3)).

    That is how glibc begins. But with the first large buffer that is freed it raises its threshold and keeps
    them, for each worker thread by itself: pieces of one huge message then stay for as long as we live. Where
    the C library has no mallopt, nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BUFFER_BYTES)
