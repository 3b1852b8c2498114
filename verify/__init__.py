"""Verifiers for answers, proofs and programs. The name is reserved; the verifiers arrive with their own work."""
