"""Tests of mathpipe.selection."""
