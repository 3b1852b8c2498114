"""The shard browser: `mathpipe inspect --serve SHARDS`, a local web server over Parquet shards of pages.

Read `source` (what is looked at), `index` (the column table made of it), `catalog` (questions to that table),
`views` (HTML), `application` (addresses and decisions) and `server` (HTTP on the loopback address), in this order.
"""

from mathpipe.inspect.browser.server import DEFAULT_PORT, serve

__all__ = ["DEFAULT_PORT", "serve"]
