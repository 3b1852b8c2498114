"""Statements and proofs as benchmarks and models write them."""

import pytest

from verify.proofs.source_text import read_statement, readings


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("theorem t : 1 = 1", "theorem t : 1 = 1"),
        ("theorem t : 1 = 1 :=", "theorem t : 1 = 1"),
        ("theorem t : 1 = 1 := by", "theorem t : 1 = 1"),
        ("theorem t : 1 = 1 := by sorry", "theorem t : 1 = 1"),
        ("theorem t : 1 = 1 := sorry\n", "theorem t : 1 = 1"),
        ("/-- one -/\ntheorem t : 1 = 1 := by\n", "theorem t : 1 = 1"),
        ("-- one\ntheorem t (a : Nat) :\n  a = a := by\n  sorry", "theorem t (a : Nat) :\n  a = a"),
    ],
)
def test_the_end_of_a_statement_is_ours(text, statement):
    assert read_statement(text).text == statement


def test_imports_and_header_stand_apart():
    read = read_statement(
        "import Mathlib\nimport Aesop\nset_option maxHeartbeats 400000\nopen Real Nat\n\ntheorem t : 1 = 1 := by"
    )
    assert read.imports == ("Mathlib", "Aesop")
    assert read.header == "set_option maxHeartbeats 400000\nopen Real Nat"
    assert read.text == "theorem t : 1 = 1"
    assert read.wants_mathlib


def test_a_header_given_apart_comes_first():
    read = read_statement("open Nat\ntheorem t : 1 = 1", header="open List")
    assert read.header == "open List\nopen Nat"


@pytest.mark.parametrize("text", ["theorem t (x : ℝ) : x = x", "theorem t : ∑ i ∈ Finset.range 3, i = 3"])
def test_what_only_mathlib_has_is_seen(text):
    assert read_statement(text).wants_mathlib


def test_core_lean_needs_no_mathlib():
    assert not read_statement("theorem t (n : Nat) : n = n").wants_mathlib


@pytest.mark.parametrize(
    ("proof", "tried"),
    [
        ("rfl", [" := by\n  rfl", " := rfl"]),
        ("by rfl", [" := by rfl"]),
        (":= rfl", [" := rfl"]),
        ("  intro h\n  exact h", [" := by\n  intro h\n  exact h", " := intro h\nexact h"]),
        ("```lean\nby rfl\n```", [" := by rfl"]),
        ("```lean4\nomega\n```", [" := by\n  omega", " := omega"]),
    ],
)
def test_a_proof_is_read_as_a_script_or_a_term(proof, tried):
    assert readings(proof) == tried
