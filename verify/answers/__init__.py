"""Answers: found in a solution, read into a tree, compared with the reference by exact and rigorous arithmetic."""
