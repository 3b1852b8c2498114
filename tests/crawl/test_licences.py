"""What a page states about its licence: which statements are read, which wins, and how they are spelt."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawl import extract_page
from crawl.dom import parse_html
from crawl.licence_names import licence_of_url, licence_of_words
from crawl.licences import page_licence

BY_SA_4 = "https://creativecommons.org/licenses/by-sa/4.0/"
BY_2 = "http://creativecommons.org/licenses/by/2.0/"


def stated(html: str, url: str = "https://a.example/page.html") -> str | None:
    return page_licence(list(parse_html(html).walk()), url)


def json_ld(value: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (BY_SA_4, "CC-BY-SA-4.0"),
        ("//creativecommons.org/licenses/by-sa/3.0/deed.de", "CC-BY-SA-3.0"),
        ("http://creativecommons.org/licenses/by/3.0/de/", "CC-BY-3.0-DE"),
        ("https://creativecommons.org/licenses/by-nc-sa/3.0/igo/legalcode", "CC-BY-NC-SA-3.0-IGO"),
        ("http://creativecommons.org/licenses/by-nd-nc/1.0", "CC-BY-NC-ND-1.0"),
        ("https://creativecommons.org/licenses/by-sa/", "CC-BY-SA"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "public-domain"),
        ("http://creativecommons.org/licenses/publicdomain/", "public-domain"),
        ("https://web.archive.org/web/20160820205919/http://creativecommons.org/licenses/by-sa/3.0/de/",
         "CC-BY-SA-3.0-DE"),
        ("https://www.gnu.org/licenses/fdl-1.3.html", "GFDL-1.3"),
        ("http://www.gnu.org/copyleft/fdl.html", "GFDL"),
        ("https://www.gnu.org/licenses/old-licenses/gpl-2.0.html", "GPL-2.0"),
        ("https://www.gnu.org/licenses/lgpl-3.0", "LGPL-3.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://www.opensource.org/licenses/bsd-license.php", "BSD-2-Clause"),
        ("https://opensource.org/licenses/BSD-3-Clause", "BSD-3-Clause"),
        ("https://spdx.org/licenses/EUPL-1.2.html", "EUPL-1.2"),
        ("http://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("https://math.stackexchange.com/help/licensing", "CC-BY-SA"),
        ("https://mathoverflow.net/help/licensing", "CC-BY-SA"),
        ("//en.wikipedia.org/wiki/Wikipedia:Text_of_Creative_Commons_Attribution-ShareAlike_3.0_Unported_License",
         "CC-BY-SA-3.0"),
        ("https://a.example/help/licensing", None),
        ("https://creativecommons.org/", None),
        ("https://www.gnu.org/licenses/why-affero-gpl", None),
        ("https://www.gnu.org/licenses/gpl-faq.html", None),
    ],
)  # fmt: skip
def test_urls_have_one_spelling(url: str, name: str | None) -> None:
    assert licence_of_url(url) == name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("This work is licensed under CC BY-SA 4.0 International", "CC-BY-SA-4.0"),
        ("cc by-nc-nd", "CC-BY-NC-ND"),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported License", "CC-BY-NC-SA-3.0"),
        ("Creative Commons Attribution Share Alike License", "CC-BY-SA"),
        ("Creative Commons Attribution 4.0", "CC-BY-4.0"),
        ("Creative Commons Attribution\u2013NonCommercial\u2013ShareAlike 4.0", "CC-BY-NC-SA-4.0"),
        ("Creative Commons Attribution-Noncommercial-No Derivative Works 3.0 United States", "CC-BY-NC-ND-3.0"),
        ("Creative Commons Attribution / Non-Commercial / No Derivatives", "CC-BY-NC-ND"),
        ("Creative Commons Attribution and ShareAlike 3.0", "CC-BY-SA-3.0"),
        ("Creative Commons BY-NC 4.0", "CC-BY-NC-4.0"),
        ("licensed under a CC BY-NC-ND licence", "CC-BY-NC-ND"),
        ("CC BY-SA v4.0", "CC-BY-SA-4.0"),
        ("CC-BY-SA License, version 4.0", "CC-BY-SA-4.0"),
        ("CC BY-NC International", "CC-BY-NC"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("GNU Free Documentation License 1.2 or later", "GFDL"),
        ("released under the MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("in the public domain", "public-domain"),
        ("© 2020 A. Author. All rights reserved.", "all-rights-reserved"),
        ("copyright 2020 A. Author, cc by Mike", None),
        ("Creative Commons by the author, cc by-nc-sampling", None),
        ("permit licenses", None),
    ],
)
def test_words_have_one_spelling(words: str, name: str | None) -> None:
    assert licence_of_words(words) == name


@pytest.mark.parametrize(
    ("html", "name"),
    [
        (f'<link rel="license" href="{BY_SA_4}">', "CC-BY-SA-4.0"),
        (f'<p>text <a rel="nofollow License" href="{BY_SA_4}">some rights reserved</a>', "CC-BY-SA-4.0"),
        (f'<meta name="DCTERMS.license" content="{BY_SA_4}">', "CC-BY-SA-4.0"),
        ('<meta name="dc.rights" content="CC BY 3.0">', "CC-BY-3.0"),
        ('<meta name="copyright" content="All rights reserved">', "all-rights-reserved"),
        (f'<link rel="copyright" href="{BY_SA_4}">', "CC-BY-SA-4.0"),
        (json_ld({"@type": "Article", "license": BY_SA_4}), "CC-BY-SA-4.0"),
        (json_ld([{"@graph": [{"@type": "WebPage", "license": {"@id": BY_SA_4}}]}]), "CC-BY-SA-4.0"),
        (f'<div itemscope><a itemprop="license" href="{BY_SA_4}">x</a></div>', "CC-BY-SA-4.0"),
        ('<div itemscope><span itemprop="license">CC BY 4.0</span></div>', "CC-BY-4.0"),
        (f'<span property="dct:license" resource="{BY_SA_4}"></span>', "CC-BY-SA-4.0"),
        ('<a href="https://stackoverflow.com/help/licensing">CC BY-SA</a>', "CC-BY-SA"),
        ('<a rel="license" href="/terms">CC BY-NC 4.0</a>', "CC-BY-NC-4.0"),
    ],
)
def test_every_way_of_stating_a_licence_is_read(html: str, name: str) -> None:
    assert stated(html) == name


@pytest.mark.parametrize(
    "html",
    [
        "<p>no statement",
        f'<p>The text of <a href="{BY_SA_4}">this licence</a> is long.',
        '<meta name="copyright" content="(c) 2010-2016 A. Publisher">',
        '<a rel="license" href="#">terms</a>',
        '<a rel="license" href="javascript:alert(1)">terms</a>',
        '<meta name="dcterms.license" content="javascript:alert(1)">',
        '<link rel="license">',
        '<script>{"license": "active"}</script>',
        json_ld({"@type": "Article", "license": "active"}),
        json_ld({"@type": "ImageObject", "license": BY_SA_4}),
        json_ld({"@type": "Article", "image": {"@type": "ImageObject", "license": BY_SA_4}}),
        '<script type="application/ld+json">{"license": </script>',
        '<script type="application/ld+json">' + '{"license":[' * 5_000 + "</script>",
    ],
)
def test_what_is_no_statement_about_the_page_is_none(html: str) -> None:
    assert stated(html) is None


def test_an_unknown_address_is_kept_as_it_is_and_made_absolute() -> None:
    assert stated('<link rel="license" href="https://terms.example/v2?x=1">') == "https://terms.example/v2?x=1"
    assert stated('<link rel="license" href="legal/terms.html">') == "https://a.example/legal/terms.html"


def test_the_firmest_statement_wins_over_one_in_the_body() -> None:
    body = f'<a rel="license" href="{BY_2}">CC</a>'
    assert stated(f'<link rel="license" href="{BY_SA_4}">{body}') == "CC-BY-SA-4.0"
    assert stated(f'<meta name="dc.rights" content="CC0">{body}') == "CC-BY-2.0"


def test_of_several_links_the_footers_counts_and_a_known_licence_before_an_unknown_page() -> None:
    photo = f'<a rel="license" href="{BY_2}">photo</a>'
    footer = f'<a rel="license" href="{BY_SA_4}">cc by-sa</a> with <a rel="license" href="/why">attribution</a>'
    assert stated(photo + footer) == "CC-BY-SA-4.0"


def test_the_outermost_json_object_counts() -> None:
    value = {"license": BY_SA_4, "mainEntity": {"license": BY_2}}
    assert stated(json_ld(value)) == "CC-BY-SA-4.0"


def test_half_a_character_becomes_one_that_a_shard_can_hold() -> None:
    assert stated('<script type="application/ld+json">{"license": "terms \\ud800"}</script>') == "terms ?"


def test_nested_statements_each_with_the_whole_page_below_cost_little() -> None:
    from crawl.dom import Element

    node = Element("p", {}, ["CC BY 4.0 " + "x" * 1_000_000])
    nodes = [node]
    for _ in range(5_000):  # read whole, this is 5 GB of text
        node = Element("span", {"itemprop": "license"}, [node])
        nodes.append(node)
    assert page_licence(nodes) == "CC-BY-4.0"


def test_the_extracted_page_carries_it() -> None:
    html = f"<title>t</title><p>{'A sentence of text. ' * 5}</p><a rel=license href={BY_SA_4}>CC</a>"
    assert extract_page(html, "https://a.example/").license == "CC-BY-SA-4.0"
    assert extract_page(html.replace("rel=license", ""), "https://a.example/").license is None


@given(
    st.sampled_from(["a", "link", "meta", "span", "script"]),
    st.dictionaries(
        st.sampled_from(["rel", "href", "name", "property", "itemprop", "content", "type", "resource"]),
        st.one_of(
            st.text(max_size=60),
            st.sampled_from(["license", "dc.rights", "http://[", "//", BY_SA_4, "application/ld+json"]),
        ),
    ),
    st.one_of(st.text(max_size=60), st.sampled_from(['{"license": [1, {"url": 2}]}', '{"license": {"@id": null}}'])),
    st.sampled_from(["", "https://a.example/", "http://[broken"]),
)
def test_nothing_in_a_page_makes_it_raise(tag: str, attrs: dict[str, str], text: str, url: str) -> None:
    from crawl.dom import Element

    found = page_licence([Element(tag, attrs, [text])], url)
    assert found is None or (0 < len(found) <= 300 and found == found.strip())
    assert found is None or found.encode()
