"""Tests of mathpipe.generate.mining."""
