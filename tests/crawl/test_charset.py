"""Charsets: what is declared, what is true, and what happens when they differ."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawl.charset import decode_html
from crawl.charset_labels import _labels, encoding_of_label

JAPANESE = "これは日本語の文章です。数学は楽しい。" * 3
RUSSIAN = "Это русский текст о математике и числах, простых и составных"
CHINESE = "这是中文文本关于数学的公式与定理以及证明"


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (JAPANESE, "shift_jis", "shift_jis"),
        (JAPANESE, "euc_jp", "euc-jp"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (JAPANESE, "utf-8", "utf-8"),
        (JAPANESE, "utf-16-le", "utf-16le"),
        (JAPANESE, "utf-16-be", "utf-16be"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (CHINESE, "gb18030", "gb18030"),
        ("Déjà vu — “quoted” café naïve", "cp1252", "windows-1252"),
    ],
)
def test_undeclared_encodings_are_detected(text: str, codec: str, name: str) -> None:
    body = f"<html><p>{text}".encode(codec)
    assert decode_html(body) == (f"<html><p>{text}", name)


@pytest.mark.parametrize(
    ("text", "label", "codec", "name"),
    [
        (JAPANESE, "Shift_JIS", "shift_jis", "shift_jis"),
        (JAPANESE, "x-sjis", "shift_jis", "shift_jis"),
        (CHINESE, "gb2312", "gb18030", "gbk"),
        (RUSSIAN, "KOI8-R", "koi8-r", "koi8-r"),
        ("Zażółć gęślą jaźń", "iso-8859-2", "iso8859-2", "iso-8859-2"),
        ("이것은 수학 문장입니다", "euc-kr", "cp949", "euc-kr"),
        ("“curly” – quotes", "iso-8859-1", "cp1252", "windows-1252"),
    ],
)
def test_a_declared_encoding_is_taken_from_header_or_meta(text: str, label: str, codec: str, name: str) -> None:
    page = f"<html><head><meta charset='{label}'></head><p>{text}"
    assert decode_html(page.encode(codec)) == (page, name)
    assert decode_html(text.encode(codec), f"text/html; charset={label}") == (text, name)


def test_the_xml_declaration_counts() -> None:
    page = f'<?xml version="1.0" encoding="koi8-r"?><html><p>{RUSSIAN}'
    assert decode_html(page.encode("koi8-r")) == (page, "koi8-r")


def test_a_byte_order_mark_beats_every_declaration() -> None:
    body = codecs.BOM_UTF8 + "<meta charset=koi8-r>π".encode()
    assert decode_html(body, "text/html; charset=windows-1251") == ("<meta charset=koi8-r>π", "utf-8")
    assert decode_html(codecs.BOM_UTF16_LE + "aπ".encode("utf-16-le")) == ("aπ", "utf-16le")


def test_valid_utf8_beats_a_wrong_header() -> None:
    assert decode_html("naïve π".encode(), "text/html; charset=iso-8859-1") == ("naïve π", "utf-8")


def test_a_declared_utf8_that_mostly_fails_is_detected_anew() -> None:
    text = "à é è ù ç ô î â " * 10
    assert decode_html(text.encode("cp1252"), "text/html; charset=utf-8") == (text, "windows-1252")


def test_one_bad_byte_does_not_change_the_encoding() -> None:
    body = ("é" * 50).encode() + b"\xe9"
    assert decode_html(body, "text/html; charset=utf-8") == ("é" * 50 + "\ufffd", "utf-8")


def test_a_meta_that_claims_utf16_in_ascii_bytes_means_utf8() -> None:
    assert decode_html(b"<meta charset=utf-16><p>x")[1] == "utf-8"


def test_unknown_labels_are_ignored() -> None:
    assert decode_html("π".encode(), "text/html; charset=nonsense") == ("π", "utf-8")


def test_the_http_equiv_form_is_read() -> None:
    page = f'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>{RUSSIAN}'
    assert decode_html(page.encode("koi8-r")) == (page, "koi8-r")


def test_an_empty_body_is_empty_utf8() -> None:
    assert decode_html(b"") == ("", "utf-8")


def test_every_label_has_a_codec() -> None:
    for encoding in _labels().values():
        codecs.lookup(encoding.codec)
    assert encoding_of_label(" Latin1 ") == encoding_of_label("windows-1252")
    assert encoding_of_label("utf-7") is None


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(["", "text/html; charset=utf-8", "text/html; charset=big5", "charset="])
)
def test_no_bytes_make_it_raise(body: bytes, content_type: str) -> None:
    text, name = decode_html(body, content_type)
    assert isinstance(text, str)
    assert encoding_of_label(name) is not None


def test_megabytes_of_an_open_meta_take_no_time() -> None:
    assert decode_html(b"<meta " * 500_000)[1] == "utf-8"
