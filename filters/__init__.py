"""From pages to curated shards: language, quality, mathematics, near-duplicates, decontamination."""

from filters.classifier import MathClassifier
from filters.decontaminate import decontaminate
from filters.deduplicate import find_near_duplicates

__all__ = ["MathClassifier", "decontaminate", "find_near_duplicates"]
