"""Texts, links and signs: what a person would see of a message, and nothing of what he would not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clement.message.mime.limits import ReadLimits
from clement.message.mime.read import read
from clement.message.mime.text_links import links_in_text
from clement.message.mime.walk import walk
from clement.message.reading import Origin, Reading


def reading(octets: bytes, limits: ReadLimits = ReadLimits()) -> Reading:  # noqa: B008 - a frozen value
    return read(octets, walk(octets), limits)


def of_html(html: str) -> Reading:
    return reading(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode())


def seen(html: str) -> str:
    texts = of_html(html).texts
    return texts[0].text if texts else ""


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<hr/>three", "one\ntwo\nthree"),
        ("V<b>i</b>a<!-- x -->g<span>r</span>a", "Viagra"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\nb\nc"),
        ("a &amp; b&nbsp;c &#233; &lt;x&gt;", "a & b c é <x>"),
        ("<title>t</title><style>p {}</style><script>if (a<b) '</p>'</script>x", "x"),
        ("<STYLE>a</sTyLe >x<textarea>y</textarea>z", "xz"),
        ("1 <!-- a > b -- c --> 2 <!--> 3 <!-- x --!> 4 <!doctype x> 5", "1 2 3 4 5"),
        ("a < b and <3 but not </ 3> that", "a < b and <3 but not that"),
        ("<a title='a > b' href=\"x\">link</a>", "link"),
        ('<a title="<p>"x=y>link</a>', "link"),
        ("<img alt='a picture'>of it", "a picture of it"),
        ("unfinished <b", "unfinished"),
        ('unfinished <b title=">', "unfinished"),
        ("  white \r\n\t space  ", "white space"),
        ("<input type=submit value='Send it'>", "Send it"),
    ],
)  # fmt: skip
def test_a_page_is_read_as_it_is_seen(html: str, text: str) -> None:
    assert seen(html) == text


@pytest.mark.parametrize(
    "hiding",
    [
        '<div style="display:none">{}</div>',
        '<DIV STYLE="Display : None !important">{}</DIV>',
        "<span style='font-size:0px'>{}</span>",
        '<span style="visibility:hidden">{}</span>',
        '<div style="max-height:0;overflow:hidden">{}</div>',
        '<div style="opacity:0">{}</div>',
        '<div style="dis/**/play:none">{}</div>',
        '<div style="display&#58;none">{}</div>',
        "<p hidden>{}</p>",
        '<font color="#ffffff">{}</font>',
        '<font color="white">{}</font>',
        '<font color="#FFFFFE">{}</font>',
        '<table bgcolor="#112233"><tr><td style="color:rgb(17, 34, 51)">{}</td></tr></table>',
        '<div style="background:#000;color:black">{}</div>',
        '<div style="display:none"><p><b>{}</b></p></div>',
    ],
)
def test_what_cannot_be_seen_is_left_out_and_noted(hiding: str) -> None:
    found = of_html(f"<p>before</p>{hiding.format('secret')}<p>after</p>")
    assert found.texts[0].text == "before\nafter"
    assert "hidden-text" in found.signs


@pytest.mark.parametrize(
    "html",
    [
        '<div><span style="display:none"></div>seen',
        '<p style="display:none">x<p>seen',
        '<table><tr><td style="display:none">x<td>seen</table>',
        '<font color="white" style="background:black">seen</font>',
        '<td bgcolor=black><font color="white">seen</font></td>',
        '<img style="display:none">seen',
        '<div style="display:none"><div></div></div>seen',
        '<font color="white"></font>seen',
        "<!-- <div style='display:none'> -->seen",
        "<p title='display:none'>seen</p>",
    ],
)
def test_what_can_be_seen_is_not_left_out(html: str) -> None:
    assert "seen" in seen(html)


@pytest.mark.parametrize(
    ("html", "target", "text", "origin"),
    [
        (
            '<a href="http://a.test/?x=1&amp;y=2">go <b>there</b></a>',
            "http://a.test/?x=1&y=2",
            "go there",
            "anchor",
        ),
        ("<A HREF = 'http://a.test/'>x", "http://a.test/", "x", "anchor"),
        ("<a href=http://a.test/x>y</a>", "http://a.test/x", "y", "anchor"),
        ('<base href="http://b.test/d/"><a href="../x">y</a>', "http://b.test/x", "y", "anchor"),
        ('<img src="//a.test/i.gif" alt="pic">', "//a.test/i.gif", "pic", "image"),
        ('<area href="http://a.test/" alt="here">', "http://a.test/", "here", "anchor"),
        ('<form action="http://a.test/f">', "http://a.test/f", "", "form"),
        ("<button formaction=http://a.test/f>", "http://a.test/f", "", "form"),
        ("<td style=\"background:url('http://a.test/b.png')\">", "http://a.test/b.png", "", "style"),
        ('<meta http-equiv=Refresh content="0;URL=http://a.test/">', "http://a.test/", "", "anchor"),
        ('<iframe src="http://a.test/">', "http://a.test/", "", "image"),
        ("see http://a.test/x.", "http://a.test/x", "http://a.test/x", "text"),
        ('<a href="ht\ntp://a.t\test/">x</a>', "http://a.test/", "x", "anchor"),
        ('<a href=" javascript&#58;x()">x</a>', "javascript:x()", "x", "anchor"),
        ('<a class="b" data-href="no" href="http://a.test/">x</a>', "http://a.test/", "x", "anchor"),
        ('<a href="http://a.test/" href="http://b.test/">x</a>', "http://a.test/", "x", "anchor"),
        ('<link rel=stylesheet href="http://a.test/s.css">', "http://a.test/s.css", "", "style"),
    ],
)
def test_links_are_found(html: str, target: str, text: str, origin: str) -> None:
    (link,) = of_html(html).links
    assert (link.target, link.text, link.origin) == (target, text, Origin(origin))


@pytest.mark.parametrize(
    ("begin", "repeated", "end"),
    [
        ("", "<!x", ""),
        ("", "<![CDATA[", ""),
        ("<a", " ", ">"),
        ("<a", " /", "=>"),
        ("<a href", " ", "x>"),
        ("", "<a x='", ""),
        ("", "<title><!--", ""),
        ("", "<!-- -- <b x='>'>", ""),
    ],
)
def test_a_page_is_read_in_linear_time(begin: str, repeated: str, end: str) -> None:
    # Where time grows with the square of the length, each takes many minutes.
    assert seen(begin + repeated * (400_000 // len(repeated)) + end + "x") in {"", "x"}


@pytest.mark.parametrize(
    ("begin", "digit", "end", "character"),
    [("&#", "0", "65;", "A"), ("&#", "9", "", "\ufffd"), ("&#x", "0", "41;", "A")],
)
def test_a_reference_may_have_any_number_of_digits(begin: str, digit: str, end: str, character: str) -> None:
    reference = begin + 5000 * digit + end
    assert seen(f"<p>{reference}</p>") == character
    assert of_html(f"<a href='http://a.test/{reference}'>{reference}</a>").links


@pytest.mark.parametrize("name", ["script", "style", "title", "textarea", "xmp", "iframe"])
def test_raw_text_ends_with_the_first_end_tag_whatever_is_in_it(name: str) -> None:
    for inside in ("", "<!-- x", "<p x='", "<p onclick=x hidden>", "</p", "<style", "a<b", "<![CDATA["):
        found = of_html(f"<b>1</b><{name}>{inside}</{name} x>2<p>3")
        assert found.texts[0].text == "12\n3"
        assert set(found.signs) <= {"script", "iframe"} & {name}


@pytest.mark.parametrize("odd", ["<b x='>'>", "<b 'c>", '<b "<">', "<!-- -- -->", "<!-->", "</b <i>"])
def test_odd_markup_changes_nothing_about_what_follows(odd: str) -> None:
    page = '<p><a href="http://a.test/">go</a><style>p</style>, <i title="x">then</i><br>come'
    for html in (
        odd + page,
        page.replace("then", f"th{odd}en"),
        page + odd,
        odd + page.replace("go", odd + "go"),
    ):
        found = of_html(html)
        assert found.texts[0].text == "go, then\ncome"
        assert [link.target for link in found.links] == ["http://a.test/"]


def test_a_url_that_an_anchor_shows_is_no_link_of_its_own() -> None:
    (link,) = of_html('<a href="http://evil.test/">http://bank.test/</a>').links
    assert (link.target, link.text) == ("http://evil.test/", "http://bank.test/")


@pytest.mark.parametrize(
    ("html", "sign"),
    [
        ("<script>x</script>", "script"),
        ("<p onclick='x()'>", "script"),
        ("<form>", "form"),
        ("<input type=password>", "password-field"),
        ("<iframe src=x>", "iframe"),
        ("<object data=x>", "embedded-object"),
        ("<svg>", "svg"),
        ("<a href='data:text/html,x'>", "data-url"),
        ("<a href='javascript:x'>", "javascript-url"),
        ("<meta http-equiv=refresh>", "meta-refresh"),
        ("<img src=x width=1 height=1>", "tiny-image"),
        ("p\u200bay p\u200bal no\u00adw", "zero-width"),
        ("<a href=x>" * 501, "many-links"),
    ],
)
def test_peculiarities_are_signs(html: str, sign: str) -> None:
    assert sign in of_html(html).signs


def test_zero_width_characters_do_not_cut_words() -> None:
    assert seen("p\u200bay\u00adp\u2060al \u0915\u094d\u200d\u0937") == "paypal \u0915\u094d\u200d\u0937"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("at http://a.test/b?c=d&e (or HTTPS://b.test), yes", ["http://a.test/b?c=d&e", "HTTPS://b.test"]),
        ("(see http://a.test/b_(c))", ["http://a.test/b_(c)"]),
        ("<http://a.test/>", ["http://a.test/"]),
        ("www.a.test and www", ["www.a.test"]),
        ("ftp://a.test/x twice ftp://a.test/x", ["ftp://a.test/x"]),
        ("://", []),
        ("xwww.a.test", []),
        (
            "xhttps://a.test WWW.b.test/http://c.test shttp://www.d.test",
            ["https://a.test", "WWW.b.test/http://c.test", "http://www.d.test"],
        ),
        ("http:// and www.<b> and http://x", ["http://x"]),
    ],
)
def test_links_in_text(text: str, links: list[str]) -> None:
    assert links_in_text(text, 10) == links


CHARSETS = {
    "declared": (b"windows-1251", "привет мир".encode("cp1251"), "привет мир", set()),
    "latin-1 is windows-1252": (b"iso-8859-1", b"\x93quoted\x94 \x80", "“quoted” €", set()),
    "iso-2022-jp": (b"iso-2022-jp", "すみません".encode("iso-2022-jp"), "すみません", set()),
    "utf-8 where nothing is declared": (b"", "café".encode(), "café", set()),
    "utf-8 where ascii is declared": (b"us-ascii", "café".encode(), "café", set()),
    "utf-8 where another does not fit": (b"utf-16", "café!".encode(), None, set()),
    "not utf-8 though declared": (b"utf-8", "ein schöner Tag".encode("cp1252"), None, {"charset-wrong"}),
    "unknown": (b"x-klingon", b"caf\xe9", None, {"charset-unknown", "charset-guessed"}),
    "a codec that is no charset": (b"zlib", b"text", "text", set()),
    "utf-7 is not decoded": (b"utf-7", b"+ADw-script+AD4-", "+ADw-script+AD4-", {"utf-7"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHARSETS)
def test_charsets(name: str) -> None:
    charset, octets, text, signs = CHARSETS[name]
    found = reading(b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n" + octets)
    if text is not None:
        assert found.texts[0].text == text
    assert set(found.signs) >= signs


def test_a_guess_finds_the_charset_of_a_long_text() -> None:
    russian = "Уважаемый покупатель, предлагаем вам наши новые товары по самым низким ценам. " * 10
    found = reading(b"Content-Type: text/plain\r\n\r\n" + russian.encode("cp1251"))
    assert "покупатель" in found.texts[0].text


def test_the_charset_of_a_page_may_stand_in_it() -> None:
    html = "<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>привет".encode("koi8-r")
    assert reading(b"Content-Type: text/html\r\n\r\n" + html).texts[0].text == "привет"


def test_what_is_attached_is_not_read_and_what_is_inside_a_message_is() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\none\r\n"
        b"--a\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\nno\r\n"
        b"--a\r\nContent-Type: application/pdf\r\n\r\nno\r\n"
        b"--a\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"
        b"Content-Type: text/html\r\n\r\n<b>two</b>\r\n--a--\r\n"
    )
    assert [(text.number, text.html, text.text) for text in reading(octets).texts] == [
        ("1", False, "one"),
        ("4.1", True, "two"),
    ]


def test_the_same_text_in_two_readings_is_read_once() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=a; boundary=a-\r\n\r\n--a\r\n\r\none\r\n--a-\r\n\r\none\r\n"
    )
    assert [text.text for text in reading(octets).texts].count("one") == 1


def test_limits_cut_and_say_so() -> None:
    limits = ReadLimits(texts=3, text_bytes=10, total_bytes=25, html_bytes=40, total_html_bytes=60, links=1)
    part = b"--a\r\nContent-Type: text/%b\r\n\r\n" + b"%d http://a%d.test/ " + b"\xc3\xa9" * 40 + b"\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"".join(
        part % (kind, number, number) for number, kind in enumerate((b"plain", b"html", b"plain", b"plain"))
    )
    found = reading(octets, limits)
    assert "text-cut" in found.signs
    assert len(found.texts) == 3
    assert len(found.links) <= 1
    assert all(len(text.text) <= 10 for text in found.texts)


def test_a_text_may_be_cut_within_a_character() -> None:
    octets = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "é".encode() * 20
    assert reading(octets, ReadLimits(text_bytes=7)).texts[0].text == "ééé"


def test_the_bound_of_links_is_that_of_the_whole_message() -> None:
    octets = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"".join(
        b"--a\r\n\r\nhttp://a%d.test/ http://b%d.test/\r\n" % (number, number) for number in range(9)
    )
    assert len(reading(octets, ReadLimits(links=4)).links) == 4


def test_encoded_texts_are_decoded() -> None:
    octets = b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(
        b"<p>x"
    )
    assert reading(octets).texts[0].text == "x"


@given(st.text(alphabet=st.sampled_from("<>/=!-'\" ab&;\n\0é"), max_size=200))
def test_any_page_is_read(html: str) -> None:
    found = of_html(html)
    assert all("\0" not in text.text for text in found.texts)


PIECES = [
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "x",
    "<div hidden>",
    "-->",
    "<a href=u>",
    "</a>",
    "<td>",
    "</script>",
    "<br>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_the_end_of_an_element_ends_what_was_hidden_inside(pieces: list[str]) -> None:
    assert seen(f"<section>{''.join(pieces)}</section><p>seen</p>").endswith("seen")
