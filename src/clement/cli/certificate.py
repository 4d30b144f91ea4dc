"""A self-made certificate, so that TLS and AUTH work before a real one is there.

It proves nothing to a stranger; it is made once, and never over an existing file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)
# Clocks of clients lag a little; a certificate from the future would be refused.
BACKDATED = timedelta(hours=1)


def make_certificate(certificate: Path, key: Path, names: Sequence[str], now: datetime | None = None) -> None:
    """Write a key (EC P-256, mode 0600) and its certificate for `names`: host names and addresses.

    Raises FileExistsError when one of the files is there already.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    signed = _certificate(private, names, now or datetime.now(UTC))
    key_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(key, key_pem, 0o600)
    _write_new(certificate, signed.public_bytes(serialization.Encoding.PEM), 0o644)


def _certificate(
    private: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    unique = dict.fromkeys(names)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in unique]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(private, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(address)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
