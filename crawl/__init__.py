"""From WARCs to pages with their formulas kept."""
