"""TLS contexts for listeners."""

from __future__ import annotations

import ssl
from pathlib import Path


def server_context(certificate: Path, key: Path, minimum: ssl.TLSVersion) -> ssl.SSLContext:
    """A context that shows this certificate. Raises OSError, ssl.SSLError.

    Renegotiation is refused: its floods cost the server far more than the client (RFC 7457 §2.9).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key)
    return context
