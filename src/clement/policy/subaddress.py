"""The addresses by which a recipient may be known: its own, and that without its subaddress. RFC 5233 §1."""

from __future__ import annotations

from clement.smtp.address import fold_local_part


def candidates(local_part: str, domain_name: str, separator: str) -> list[str]:
    """The addresses to look up, in this order. separator: what a subaddress begins with; "" for nothing."""
    local_part = fold_local_part(local_part)
    found = [f"{local_part}@{domain_name}"]
    if separator:
        user, mark, _detail = local_part.partition(separator)
        if mark and user:
            found.append(f"{user}@{domain_name}")
    return found
