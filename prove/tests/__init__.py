"""Shortened proofs, and unit tests of the proofs' parts."""
