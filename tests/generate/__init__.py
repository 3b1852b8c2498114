"""Tests of generation: engines, templates, forms, resume."""
