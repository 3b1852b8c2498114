"""Tests of rl.trl_interop."""
