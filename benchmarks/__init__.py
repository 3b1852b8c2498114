"""Benchmarks: each prints one table and runs alone as `python -m benchmarks.NAME`; `make bench` runs them all."""
