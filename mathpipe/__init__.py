"""mathpipe: from web crawl to a model that reasons better at mathematics. Read `pipeline.py` first."""

from importlib import metadata


def version() -> str:
    """The installed version, or 'source' where the package is run from a checkout without being installed."""
    try:
        return metadata.version("mathpipe")
    except metadata.PackageNotFoundError:
        return "source"
