"""Taking from a process what reading hostile content does not need: descriptors, files, network, memory.

What can be had without privileges and without a library: resource limits (setrlimit(2)), no new privileges
(prctl(2)), and where the system lets us, an empty network of its own (unshare(2)).
"""

from __future__ import annotations

import ctypes
import os
import resource
import stat
from pathlib import Path
from typing import Final

MEMORY_BYTES: Final = 512 * 1024 * 1024
"""What a checker may take beyond what it was born with."""

MOST_DESCRIPTORS: Final = 64
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000


def confine(keep: int, niceness: int = 0) -> None:
    """Confine this process for good. keep: the one descriptor that it needs beside the standard ones."""
    memory_bytes = _address_space_bytes() + MEMORY_BYTES
    os.closerange(3, keep)
    os.closerange(keep + 1, _highest_descriptor() + 1)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # Of no consequence where it is not allowed: what is listed below holds everywhere.
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        *(() if _complains_to_a_file() else ((resource.RLIMIT_FSIZE, 0),)),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, max(MOST_DESCRIPTORS, keep + 8)),
    ):
        resource.setrlimit(what, (most, most))
    if niceness:
        os.nice(niceness)


def _complains_to_a_file() -> bool:
    """Whether what it says before it dies goes to a file; then it must be able to write one."""
    return stat.S_ISREG(os.fstat(2).st_mode)


def _highest_descriptor() -> int:
    return max(int(path.name) for path in Path("/proc/self/fd").iterdir())


def _address_space_bytes() -> int:
    """What is mapped already; libraries reserve far more than they use (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
