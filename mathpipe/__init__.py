"""mathpipe: from web crawl to a model that reasons better at mathematics. Read `mathpipe/pipeline.py` first."""
