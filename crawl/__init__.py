"""Crawled WARCs to pages of text with their formulas kept."""

from crawl.extract import extract_page
from crawl.warc import read_pages

__all__ = ["extract_page", "read_pages"]
