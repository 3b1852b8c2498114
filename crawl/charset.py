"""The bytes of a page as text, by the encoding they are in rather than the one they claim.

In: a body and its Content-Type header. Out: the text and the encoding's name (WHATWG). Never raises.
Order, after the HTML standard's encoding sniffing algorithm: byte order mark, HTTP header, `<meta>` or XML
declaration, then detection (Resiliparse's `EncodingDetector`, made for web pages). Two departures, both because
servers state defaults they never checked: bytes that are valid UTF-8 beyond ASCII are UTF-8 whatever is declared
(text in another encoding is hardly ever valid UTF-8), and a declared UTF-8 that mostly fails is detected anew.
"""

from __future__ import annotations

import re

from crawl.charset_labels import Encoding, encoding_of_label

_UTF8 = Encoding("utf-8", "utf_8")
_BOMS = (
    (b"\xef\xbb\xbf", _UTF8),
    (b"\xff\xfe", Encoding("utf-16le", "utf_16_le")),
    (b"\xfe\xff", Encoding("utf-16be", "utf_16_be")),
)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"',]+)", re.IGNORECASE)
_META_CHARSET = re.compile(
    rb"<meta\s[^>]{0,512}?charset\s{0,8}=\s{0,8}[\"']?\s{0,8}([^\s\"'/>;]{1,40})", re.IGNORECASE
)
_XML_ENCODING = re.compile(rb"^\s{0,64}<\?xml\s[^>]{0,256}?encoding\s{0,8}=\s{0,8}[\"']([^\"']{1,40})", re.IGNORECASE)
# The standard looks at 1,024 bytes; pages put scripts and comments before the declaration all the same.
_PRESCAN_BYTES = 4096
_DETECT_BYTES = 65536
# Share of a page's characters beyond ASCII that may fail before the declared encoding is called wrong. A clipped
# body or one stray byte stays far below; Latin-1 text read as UTF-8 fails on nearly all.
_MAX_FAILED_SHARE = 0.2


def decode_html(body: bytes, content_type: str = "") -> tuple[str, str]:
    """The page's text, and the name of the encoding it was read by. Bytes that do not decode become U+FFFD."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding.codec, "replace"), encoding.name
    declared = _declared_in_header(content_type) or _declared_in_body(body) or _undeclared(body)
    if declared is not None and declared.name in {"utf-16le", "utf-16be"}:
        return body.decode(declared.codec, "replace"), declared.name
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_not_utf8(body, declared)
    if declared is None or declared.name == "utf-8" or not text.isascii():
        return text, "utf-8"
    if declared.name == "iso-2022-jp":  # seven bits a byte: ASCII to the eye
        return body.decode(declared.codec, "replace"), declared.name
    return text, declared.name


def _decode_not_utf8(body: bytes, declared: Encoding | None) -> tuple[str, str]:
    if declared is not None:
        text = body.decode(declared.codec, "replace")
        failed = text.count("\ufffd")
        if failed == 0 or failed <= _MAX_FAILED_SHARE * _beyond_ascii(text):
            return text, declared.name
    else:
        text = body.decode("utf-8", "replace")
        if text.count("\ufffd") <= _MAX_FAILED_SHARE * _beyond_ascii(text):
            return text, "utf-8"
    encoding = _detected(body)
    return body.decode(encoding.codec, "replace"), encoding.name


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _declared_in_header(content_type: str) -> Encoding | None:
    match = _HEADER_CHARSET.search(content_type)
    return encoding_of_label(match[1]) if match else None


def _declared_in_body(body: bytes) -> Encoding | None:
    head = body[:_PRESCAN_BYTES]
    match = _META_CHARSET.search(head) or _XML_ENCODING.search(head)
    if match is None:
        return None
    encoding = encoding_of_label(match[1].decode("latin-1"))
    if encoding is not None and encoding.name.startswith("utf-16"):
        return _UTF8  # it was read as ASCII, so UTF-16 it is not (the standard says the same)
    return encoding


def _undeclared(body: bytes) -> Encoding | None:
    """Encodings that show in the bytes alone and are valid ASCII or UTF-8 as well, so must be asked for first."""
    if body[:1] in {b"<", b"\0"}:  # UTF-16 without a mark: markup is ASCII, so every other byte is zero
        head = body[:12]
        even, odd = head[0::2], head[1::2]
        if len(head) == 12 and not any(odd) and all(even):
            return Encoding("utf-16le", "utf_16_le")
        if len(head) == 12 and not any(even) and all(odd):
            return Encoding("utf-16be", "utf_16_be")
    if b"\x1b$B" in body or b"\x1b$@" in body:  # the escapes that switch to Japanese
        return encoding_of_label("iso-2022-jp")
    return None


def _detected(body: bytes) -> Encoding:
    from resiliparse.parse.encoding import detect_encoding

    name = detect_encoding(body[:_DETECT_BYTES], html5_compatible=True)
    label = (name or "").replace("_", "-").replace("iso8859-", "iso-8859-")
    return encoding_of_label(label) or encoding_of_label(name or "") or Encoding("windows-1252", "cp1252")
