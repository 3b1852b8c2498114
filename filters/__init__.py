"""From pages to curated shards: language, quality, mathematics, near-duplicates, decontamination."""
