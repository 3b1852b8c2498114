"""The formulas of each site, and the text around them."""

from __future__ import annotations

import pytest

from crawl import extract_page
from crawl.formulas.in_text import formulas_in_text
from mathpipe.core.records import Page
from tests.crawl import platform_sites, reference_sites
from tests.crawl.site_pages import WORDS, site_page

SITES = platform_sites.SITES | reference_sites.SITES


def page_of(site: str) -> Page:
    return extract_page(site_page(SITES[site][0]), "http://site.example/")


def test_no_site_hides_another() -> None:
    assert len(SITES) == len(platform_sites.SITES) + len(reference_sites.SITES)


@pytest.mark.parametrize("site", SITES)
def test_page_of_a_site_becomes_its_text(site: str) -> None:
    assert page_of(site).text == SITES[site][1].strip("\n").replace("{words}", WORDS)


@pytest.mark.parametrize("site", SITES)
def test_formulas_of_a_site_stand_once_in_its_text(site: str) -> None:
    page = page_of(site)
    assert page.formulas
    assert formulas_in_text(page.text) == [(formula.latex, formula.display) for formula in page.formulas]


@pytest.mark.parametrize("site", SITES)
def test_every_formula_of_a_site_is_counted_once_as_emitted(site: str) -> None:
    page = page_of(site)
    assert sum(count.emitted for count in page.formula_counts) == len(page.formulas)
    assert all(count.found >= count.emitted for count in page.formula_counts)
