"""Errors of the benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """There are no figures, or none to trust. The message says why."""
