"""What `hasten` does to enumerations: in a process of its own, since it is done to all of them."""

import subprocess
import sys

SEEN_WITHOUT_IT = """
import re
from enum import EnumType
from clement.server.enum_access import hasten
from clement.policy.reason import Reason

hasten()
hasten()
assert not hasattr(EnumType, "__getattr__")
assert Reason.VIRUS is Reason["VIRUS"] is Reason(Reason.VIRUS.value)
assert all(getattr(Reason, member.name) is member for member in Reason)
assert re.compile("a", re.IGNORECASE | re.MULTILINE).flags & re.IGNORECASE
try:
    Reason.NO_SUCH
except AttributeError as fault:
    print(fault)
"""


def test_members_are_found_without_the_look_up_of_last_resort() -> None:
    ran = subprocess.run([sys.executable, "-c", SEEN_WITHOUT_IT], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "NO_SUCH" in ran.stdout
