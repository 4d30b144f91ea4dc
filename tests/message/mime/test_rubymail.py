"""The messages of Ruby's mail library. What is expected of each is what its name, or its own tests, say."""

from __future__ import annotations

from pathlib import Path

import pytest

from clement.message.mime.defects import MimeDefect
from clement.message.mime.part import Part, Walk
from clement.message.mime.read import read
from clement.message.mime.walk import walk
from tests.fixtures.places import shared

# Names of the attachments, in order; of each the reading that comes first.
ATTACHMENTS = {
    "attachment_emails/attachment_content_disposition.eml": ["api.rb"],
    "attachment_emails/attachment_message_rfc822.eml": ["ForwardedMessage.eml", "broken.pdf"],
    "attachment_emails/attachment_message_rfc822_inline_image.eml": ["img.png", "Testmail.eml"],
    "attachment_emails/attachment_nonascii_filename.eml": ["ciële.txt"],
    "attachment_emails/attachment_only_email.eml": ["blah.gz"],
    "attachment_emails/attachment_pdf.eml": ["broken.pdf"],
    "attachment_emails/attachment_pdf_lf.eml": ["broken.pdf"],
    "attachment_emails/attachment_pdf_non_ascii.eml": ["broken.pdf"],
    "attachment_emails/attachment_with_base64_encoded_name.eml": ["This is a test.pdf"],
    "attachment_emails/attachment_with_encoded_name.eml": ["01 Quien Te DijŠat. Pitbull.mp3"],
    "attachment_emails/attachment_with_quoted_filename.eml": ["Eelanalüüsi päring.jpg"],
    "attachment_emails/attachment_with_unquoted_name.eml": ["This is a test.txt"],
    "error_emails/content_transfer_encoding_x_uuencode.eml": ["PGP_Cmts_on_12-14-01_Pkg.doc"],
    "mime_emails/raw_email7.eml": ["test.rb", "test.pdf", "smime.p7s"],
    "mime_emails/raw_email_with_binary_encoded.eml": ["2013-08-13_19-08-28-1.jpg"],
    "mime_emails/raw_email_with_nested_attachment.eml": ["truncated.png", "smime.p7s"],
    "multi_charset/japanese_attachment.eml": ["てすと.txt"],
    "multi_charset/japanese_attachment_long_name.eml": ["かきくけこ" * 5 + ".txt"],
}
TYPES = {
    "error_emails/bad_subject.eml": ["multipart/alternative", "text/plain", "text/html"],
    "error_emails/multiple_content_types.eml": ["multipart/alternative", "text/plain", "text/html"],
    "error_emails/missing_content_disposition.eml": ["multipart/related", "image/jpg"],
    "mime_emails/email_with_similar_boundaries.eml": [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/octetstream"
    ],
    "mime_emails/raw_email_with_illegal_boundary.eml": ["multipart/alternative", "text/plain", "text/html"],
    "mime_emails/raw_email_with_quoted_illegal_boundary.eml": [
        "multipart/alternative", "text/plain", "text/html"
    ],
    "mime_emails/raw_email_with_mimepart_without_content_type.eml": [
        "multipart/report", "text/plain", "message/delivery-status", "message/rfc822", "text/plain"
    ],
    "mime_emails/sig_only_email.eml": ["multipart/signed", "text/plain", "application/pgp-signature"],
    "multipart_report_emails/report_422.eml": [
        "multipart/report", "text/plain", "message/delivery-status", "text/rfc822-headers"
    ],
}  # fmt: skip
ENCODINGS = {
    "error_emails/content_transfer_encoding_7-bit.eml": ["7bit", "7bit", "7bit"],
    "error_emails/content_transfer_encoding_empty.eml": ["7bit"],
    "error_emails/content_transfer_encoding_plain.eml": ["7bit"],
    "error_emails/content_transfer_encoding_qp_with_space.eml": [
        "7bit",
        "quoted-printable",
        "quoted-printable",
    ],
    "error_emails/content_transfer_encoding_with_semi_colon.eml": ["7bit", "7bit", "quoted-printable"],
    "error_emails/content_transfer_encoding_with_8bits.eml": ["8bit"],
}
TEXTS = {
    "multi_charset/japanese.eml": "かきくえこ",
    "multi_charset/japanese_iso_2022.eml": "すみません。",
    "multi_charset/japanese_shift_jis.eml": "このメールはテスト用のメールです。",
    "multi_charset/ks_c_5601-1987.eml": "스티해",
    "plain_emails/raw_email.eml": "대부분의 마찬가지로, 우리는 하나님을 믿습니다.",
    "plain_emails/mix_caps_content_type.eml": "foo bar",
    "mime_emails/raw_email_with_illegal_boundary.eml": "This is an outlook test",
    "error_emails/encoding_madness.eml": "Body Text",
    "rfc2822/example14.eml": "Hello",
}
NAMED = {
    "error_emails/multiple_content_types.eml": MimeDefect.SEVERAL_TYPES,
    "error_emails/missing_body.eml": MimeDefect.BOUNDARY_NOT_FOUND,
    "error_emails/new_line_in_to_header.eml": MimeDefect.NOT_A_FIELD,
    "error_emails/content_transfer_encoding_spam.eml": MimeDefect.ENCODING_UNKNOWN,
    "attachment_emails/attachment_nonascii_filename.eml": MimeDefect.HEADER_EIGHT_BIT,
    "mime_emails/raw_email4.eml": MimeDefect.NO_END,
}


def content(name: str) -> bytes:
    return (shared("material/mime_rubymail/emails") / name).read_bytes()


def seen(structure: Walk) -> list[Part]:
    """The parts that most readers see."""
    return [part for part in structure.parts if "~" not in part.number]


def test_every_message_is_walked_and_read() -> None:
    paths: list[Path] = sorted(shared("material/mime_rubymail").rglob("*.eml"))
    assert len(paths) > 100
    for path in paths:
        octets = path.read_bytes()
        structure = walk(octets)
        assert structure.over_budget == ""
        assert sum(len(text.text) for text in read(octets, structure).texts) < 300_000


@pytest.mark.parametrize("name", ATTACHMENTS)
def test_attachments_have_their_names(name: str) -> None:
    octets = content(name)
    named = [part for part in seen(walk(octets)) if part.names]
    assert [part.names[0] for part in named] == ATTACHMENTS[name]


@pytest.mark.parametrize("name", TYPES)
def test_parts_have_their_types(name: str) -> None:
    assert [part.type for part in seen(walk(content(name)))] == TYPES[name]


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_are_understood(name: str) -> None:
    assert [part.encoding for part in seen(walk(content(name)))] == ENCODINGS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_read(name: str) -> None:
    octets = content(name)
    assert TEXTS[name] in "\n".join(text.text for text in read(octets, walk(octets)).texts)


@pytest.mark.parametrize("name", NAMED)
def test_what_is_wrong_is_named(name: str) -> None:
    assert NAMED[name] in walk(content(name)).defects
