"""SASL exchanges that end in a name and a password: PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login).

Pure state machines: they take what the client answered and give the next challenge or the credentials.
Whether these are right is for the server to find out.  Base64 is taken off by the session, which also keeps
the secrets out of events' lines.  RFC 4954.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Final, Protocol

MAX_CREDENTIAL_OCTETS = 255
"""RFC 4616 §2 bounds each part of PLAIN; the same is asked of LOGIN."""


class Credentials:
    """A name and a password as a client gave them; neither shows in `repr`."""

    __slots__ = ("authorization", "name", "password")

    def __init__(self, name: str, password: str, authorization: str = "") -> None:
        self.name = name
        self.password = password
        self.authorization = authorization
        """The identity to act as; empty: the one that `name` is."""

    def __repr__(self) -> str:
        return "Credentials(<redacted>)"


class AuthError(ValueError):
    """What the client sent is no message of the mechanism."""


class Mechanism(Protocol):
    """One exchange, from its initial response on."""

    def step(self, response: bytes | None) -> bytes | Credentials:
        """The next challenge, or the credentials when the exchange is complete.

        `response` is None at the start when the client gave no initial response.  Raises AuthError.
        """
        ...


class PlainMechanism:
    """PLAIN, RFC 4616.

    message = [authzid] UTF8NUL authcid UTF8NUL passwd
    """

    __slots__ = ()

    def step(self, response: bytes | None) -> bytes | Credentials:
        if response is None:
            return b""
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise AuthError("PLAIN wants authzid NUL authcid NUL passwd")
        authorization, name, password = (_text(part) for part in parts)
        if not name or not password:
            raise AuthError("PLAIN wants a name and a password")
        return Credentials(name, password, authorization)


class LoginMechanism:
    """LOGIN: a name and a password, each asked for.  Clients may give the name as initial response."""

    __slots__ = ("_asked", "_name")

    def __init__(self) -> None:
        self._name: str | None = None
        self._asked = False

    def step(self, response: bytes | None) -> bytes | Credentials:
        if response is None:
            return b"Username:"
        if self._name is None:
            # "AUTH LOGIN =" is an empty initial response: some clients mean by it that they wait to be asked.
            if not response and not self._asked:
                self._asked = True
                return b"Username:"
            self._name = _text(response)
            if not self._name:
                raise AuthError("LOGIN wants a name")
            return b"Password:"
        password = _text(response)
        if not password:
            raise AuthError("LOGIN wants a password")
        return Credentials(self._name, password)


MECHANISMS: Final[Mapping[str, type[PlainMechanism | LoginMechanism]]] = {
    "PLAIN": PlainMechanism,
    "LOGIN": LoginMechanism,
}


def decode_response(octets: bytes) -> bytes:
    """The octets of a base64 response; `=` alone is the empty one (RFC 4954 §4).

    Raises AuthError.
    """
    if octets == b"=":
        return b""
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        raise AuthError("not base64") from None


def redacted(line: bytes) -> bytes:
    """A line without the initial response that it has if it means AUTH, however misshapen; or as it is."""
    words = line.split(None, 2)
    has_secret = len(words) > 2 and words[0].upper() == b"AUTH"
    return b" ".join([*words[:2], b"<redacted>"]) if has_secret else line


def plain_response(credentials: Credentials) -> bytes:
    """The client's side of PLAIN, before base64."""
    return f"{credentials.authorization}\0{credentials.name}\0{credentials.password}".encode()


def _text(octets: bytes) -> str:
    if len(octets) > MAX_CREDENTIAL_OCTETS:
        raise AuthError("too long")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise AuthError("not UTF-8") from None
    if "\0" in text:
        raise AuthError("NUL")
    return text
