"""What clamd answers, read strictly: one reply, ended by NUL, of a form in the table; all else is nonsense.

Only `OK` means clean. A reply that cannot be understood is the scanner's failure, never a verdict.
Forms: clamd(8), section COMMANDS; names of heuristics: clamd.conf(5), AlertExceedsMax and AlertEncrypted.
"""

from __future__ import annotations

import re

from clement.policy.ports import Clean, Infected, Scan, ScannerUnavailable, Unscannable

MAX_REPLY_BYTES = 1024
MAX_SIGNATURE_LENGTH = 100

# Signatures that say "I could not look", not "I found".
UNSCANNABLE_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"Heuristics.Limits.Exceeded", "limits of the scanner exceeded"),
    (b"Heuristics.Encrypted", "encrypted"),
)

UNSCANNABLE_ERRORS: dict[bytes, str] = {
    b"INSTREAM size limit exceeded. ERROR": "larger than the scanner takes",
}

_FOUND = re.compile(rb"stream: ([!-~]{1,500}) FOUND")
_UNPRINTABLE = re.compile(rb"[^ -~]")


def read_scan_reply(octets: bytes) -> Scan:
    """The result in everything that clamd sent between INSTREAM and the end of the connection."""
    reply = octets[:-1]
    if octets[-1:] != b"\0" or b"\0" in reply:
        return ScannerUnavailable(f"not one reply: {shown(octets)}")
    if reply == b"stream: OK":
        return Clean()
    found = _FOUND.fullmatch(reply)
    if found is not None:
        return _read_signature(found[1])
    why = UNSCANNABLE_ERRORS.get(reply)
    if why is not None:
        return Unscannable(why)
    return ScannerUnavailable(f"said {shown(reply)}")


def _read_signature(name: bytes) -> Infected | Unscannable:
    for prefix, why in UNSCANNABLE_SIGNATURES:
        if name.startswith(prefix):
            return Unscannable(f"{why} ({name[:MAX_SIGNATURE_LENGTH].decode('ascii')})")
    return Infected(name[:MAX_SIGNATURE_LENGTH].decode("ascii"))


def shown(octets: bytes) -> str:
    """Foreign octets, bounded and printable, for a log line."""
    return repr(_UNPRINTABLE.sub(b"?", octets[:80]).decode("ascii"))
