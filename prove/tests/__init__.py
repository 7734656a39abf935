"""Shortened proofs, and the unit tests of what the proofs are made of."""
