"""Formula formats of the web, each turned into LaTeX."""
