"""What can go wrong with a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """There are no numbers, or none that could be trusted. The message says why."""
