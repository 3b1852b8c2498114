"""Where addresses belong: domains, hosts, folders."""

import pytest

from mathpipe.recall.places import domain_of, place_of


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("mathoverflow.net", "mathoverflow.net"),
        ("www.maths.ox.ac.uk", "ox.ac.uk"),
        ("one.github.io", "one.github.io"),
        ("terrytao.wordpress.com", "terrytao.wordpress.com"),
        ("a.b.wordpress.com", "b.wordpress.com"),
        ("wordpress.com", "wordpress.com"),
        ("docs.sympy.example", "sympy.example"),
        ("localhost", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_host_belongs_to_its_registrable_domain_and_tenants_stand_alone(host, domain):
    assert domain_of(host) == domain


def test_a_page_lies_in_every_folder_above_it_and_not_in_itself():
    place = place_of("http://User@MathOverflow.net:8080/questions/12/title?tab=1#answer")
    assert place is not None
    assert place.address == "https://mathoverflow.net/questions/12/title"
    assert place.root == "https://mathoverflow.net/"
    assert place.folders(9) == ["https://mathoverflow.net/questions/", "https://mathoverflow.net/questions/12/"]
    assert place.folders(1) == ["https://mathoverflow.net/questions/"]


def test_a_page_at_the_root_lies_in_no_folder():
    place = place_of("https://a.example")
    assert place is not None
    assert (place.address, place.folders(5)) == ("https://a.example/", [])


@pytest.mark.parametrize("url", ["", "mailto:x@y.example", "https://", "http://[::1", "ftp://a.example/x"])
def test_what_is_no_web_address_has_no_place(url):
    assert place_of(url) is None
