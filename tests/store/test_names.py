"""Names as they are typed, and as they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.store import names


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Example.ORG", "example.org"),
        (" example.org. ", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
    ],
)
def test_domain_names(typed: str, stored: str) -> None:
    assert names.domain_name(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", ".", "a..b", "-a.example", "*.example", "10.0.0.1", "[::1]", "a b", "x" * 64]
)
def test_what_is_no_domain_name(typed: str) -> None:
    with pytest.raises(ValueError, match="domain name"):
        names.domain_name(typed)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Anna.Smith@Example.ORG", "anna.smith@example.org"),
        ("o'neil+tag@example.org", "o'neil+tag@example.org"),
        ("A\u0308rger@bücher.example", "ärger@xn--bcher-kva.example"),
        ("J\u030cz@example.org", "\u01f0z@example.org"),
        ("../../etc/passwd@example.org".replace("../../", "a/"), "a/etc/passwd@example.org"),
    ],
)
def test_addresses(typed: str, stored: str) -> None:
    assert names.mailbox_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "anna",
        "@example.org",
        "anna@",
        '"anna smith"@example.org',
        "an na@example.org",
        ".anna@example.org",
        "anna.@example.org",
        "an..na@example.org",
        "../anna@example.org",
        "anna\0@example.org",
        "anna\r\nRCPT TO:<x>@example.org",
        "a\u202enna@example.org",
        "x" * 65 + "@example.org",
    ],
)
def test_what_is_no_address_to_be_hosted(typed: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        names.mailbox_address(typed)


@given(st.text(max_size=70), st.sampled_from(["example.org", "bücher.example"]))
def test_case_082_no_address_leads_out_of_the_mail_root(local_part: str, domain: str) -> None:
    try:
        address = names.mailbox_address(f"{local_part}@{domain}")
    except ValueError:
        return
    steps = names.default_maildir(address).split("/")
    assert len(steps) == 2
    assert all(step not in ("", ".", "..") and step.isascii() and step.isprintable() for step in steps)
    assert all(len(step) <= 255 for step in steps)
    assert names.maildir_path("/".join(steps)) == "/".join(steps)


@given(st.text(max_size=30))
def test_different_addresses_have_different_folders(text: str) -> None:
    found: dict[str, str] = {}
    for local_part in (text, text.replace("/", "%2F"), text.replace("%", "%25"), text + "."):
        try:
            address = names.mailbox_address(f"{local_part}@example.org")
        except ValueError:
            continue
        assert found.setdefault(names.default_maildir(address), address) == address


@pytest.mark.parametrize(
    "typed", ["/etc", "../x", "a/../b", "a//b", "a/", ".hidden/x", "a\0b", "a b", "", "~root/x"]
)
def test_folders_that_could_leave_the_mail_root(typed: str) -> None:
    if typed == "~root/x":
        assert names.maildir_path(typed)  # nothing here expands a tilde
        return
    with pytest.raises(ValueError, match="relative folder"):
        names.maildir_path(typed)
