"""What a domain says otherwise than its group: the same settings, one by one, as a JSON object in text.

The text is what is stored and handed on; what it makes of a group's policy is worked out once for each
directory. A name or value that this version does not know is passed over, so that a domain is never without
a policy.
"""

from __future__ import annotations

from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

Policy = TypeVar("Policy", bound=msgspec.Struct)


class SettingUnusable(ValueError):
    """This is no value of that setting; the message says what would be."""


GROUP_ONLY: Final = frozenset(
    {
        # Room and time that all domains of the group share.
        "size_limit_bytes",
        "keep_refused_days",
        # The next hop's affair, or what protects whoever stands behind it.
        "verify_recipients",
        "bare_line_endings",
        # Nobody opens a door to viruses but the group's own administrators.
        "scan_content",
        "scanner_unavailable",
        "unscannable",
    }
)
"""Settings that a domain's own administrator may not change; the group's may change them for one domain."""

_DECODER: Final = msgspec.json.Decoder(dict[str, Any])
_NONE: Final[dict[str, Any]] = {}
_types = cache(get_type_hints)


def setting(kind: type[msgspec.Struct], name: str, value: object) -> Any:  # noqa: ANN401 - of many types
    """The value of a setting, given as text or as JSON has it.

    Raises SettingUnusable in words for a person, KeyError when there is no such setting.
    """
    wanted = _types(kind)[name]
    try:
        return msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError as fault:
        words = _words_for(wanted)
        text = f"expected {words}, found {value}" if words else str(fault)
        raise SettingUnusable(text) from fault


def _words_for(wanted: object) -> str:
    if wanted is bool:
        return "true or false"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return " or ".join(str(each.value) for each in wanted)
    if wanted == float | None:
        return "a number such as 4.6"
    return "a whole number" if wanted is int else ""


@lru_cache(maxsize=4096)
def said_in(kind: type[msgspec.Struct], text: str) -> dict[str, Any]:
    """The settings of a policy of this kind that such a text gives; not to be changed."""
    if not text:
        return _NONE
    try:
        written = _DECODER.decode(text)
    except msgspec.DecodeError:
        return _NONE
    found = {}
    for name, value in written.items():
        try:
            found[name] = setting(kind, name, value)
        except (KeyError, SettingUnusable):
            continue
    return found


def overridden(policy: Policy, text: str) -> Policy:
    """A group's policy as it stands for a domain that says this."""
    said = said_in(type(policy), text)
    return msgspec.structs.replace(policy, **said) if said else policy


def written(said: dict[str, Any]) -> str:
    """The text of these settings; "" for none."""
    return msgspec.json.encode(said, order="sorted").decode() if said else ""
