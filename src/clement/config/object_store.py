"""[object_store]: another place for held mail, which every node can reach."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from clement.config.secret import Secret
from clement.config.values import Seconds

EndpointText = Annotated[
    str,
    Meta(
        pattern=r"\A(https?://[A-Za-z0-9.\-\[\]:]{1,255})?\Z",
        description='an address such as "https://s3.example.org" or "http://127.0.0.1:9000"',
    ),
]


class ObjectStoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An S3-compatible store that gets a copy of all held mail (docs/held-mail.md)."""

    endpoint: EndpointText = ""
    """Where it answers, path-style: "https://HOST[:PORT]"; http:// where nobody listens in. Empty: none."""
    bucket: str = ""
    """The bucket; it must exist."""
    region: str = "us-east-1"
    """The region that its signatures name."""
    access_key: str = ""
    """Who we are there."""
    secret: Secret | None = None
    """"file:PATH" or "env:NAME", never the secret itself."""
    prefix: str = "clement/"
    """What the names of all objects begin with."""
    timeout_s: Seconds = 30
    """Wait for each step of a request."""
