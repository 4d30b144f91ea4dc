"""File names as whoever stores them would read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.attachment import Category
from clement.message.attachments.names import PATH_CHARS, SHOWN_CHARS, joined, judge_name
from tests.message.attachments.furnish import PE, look

HIDDEN = [
    "invoice.pdf.exe",
    "invoice.pdf                              .exe",
    "invoice.pdf\xa0\xa0\xa0\xa0\xa0\xa0\xa0.exe",
    "invoice.pdf______________________.scr",
    "invoice\u202efdp.exe",
    r"invoice\u202efdp.exe",
    "invoice.exe.",
    "invoice.exe . . ",
    "invoice.exe\0.pdf",
    r"invoice.exe\x00.pdf",
    "invoice.exe::$DATA",
    "invoice.ex\u200be",
    "invoice.pdf\uff0eexe",
    "a.docx.js",
    "photo.jpg.lnk",
    "../../etc/cron.d/x",
    r"..\..\Startup\x.bat",
]


def is_harmless(text: str) -> bool:
    return all(char.isprintable() or char.isspace() for char in text) and not set(text) & set("\r\n\t\u202e")


@pytest.mark.parametrize("name", HIDDEN)
def test_case_102_names_that_hide_what_they_are(name: str) -> None:
    found = judge_name(name)
    assert found.disguises, found
    assert is_harmless(found.shown)
    (attachment, *_others) = look(name, b"x")
    assert is_harmless(attachment.path)


@pytest.mark.parametrize("name", HIDDEN[:15])
def test_case_102_the_extension_that_decides_is_found_behind_all_that(name: str) -> None:
    category = judge_name(name).category
    assert category in (Category.EXECUTABLE, Category.SCRIPT, Category.SHORTCUT), name


def test_case_102_a_name_of_64_kib_is_shown_by_both_ends() -> None:
    found = judge_name("a" * 65_536 + ".pdf" + " " * 300 + ".exe")
    assert len(found.shown) <= SHOWN_CHARS
    assert found.shown.startswith("aaaa")
    assert found.signs
    whole = look("a" * 60_000 + ".exe", PE)[0]
    assert len(whole.path) <= PATH_CHARS
    assert whole.path.endswith(".exe")
    assert Category.EXECUTABLE in whole.categories


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "Report of Messrs. Smith & Co. Inc.",
        "backup.tar.gz",
        "holiday.jpeg.zip",
        "setup-1.2.3.exe",
        "report.doc.docm",
        "דוח שנתי.docx",
        "Re: agenda 10:30.eml",
        r"C:\Users\anna\letter.doc",
        "a" * 250,
        "naïve café.odt",
        ".bashrc",
    ],
)
def test_honest_names_hide_nothing(name: str) -> None:
    assert not judge_name(name).disguises


@pytest.mark.parametrize(
    ("extension", "category"),
    [
        ("exe scr pif cpl msi jar apk xll dll", Category.EXECUTABLE),
        ("js jse vbs wsf hta ps1 bat cmd reg", Category.SCRIPT),
        ("lnk url scf desktop webloc search-ms", Category.SHORTCUT),
        ("docm xlsm pptm xlam accdb", Category.MACRO),
        ("iso img vhd vhdx dmg", Category.DISK_IMAGE),
        ("html htm svg mht", Category.ACTIVE_PAGE),
        ("zip rar 7z gz cab ace", Category.ARCHIVE),
        ("pdf docx odt msg", Category.DOCUMENT),
    ],
)
def test_extensions_have_categories(extension: str, category: Category) -> None:
    assert {judge_name(f"a.{each.upper()}").category for each in extension.split()} == {category}


@given(st.text(max_size=400))
def test_any_text_can_be_a_name(name: str) -> None:
    found = judge_name(name)
    assert len(found.shown) <= SHOWN_CHARS
    assert not any(char in found.shown for char in "\r\n\0\x1b\u202e")
    assert len(joined("a" * 400, found.shown)) <= PATH_CHARS
