"""Ways in which a network may deliver bytes: whole, byte by byte, and split at random."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

_RANDOM_SPLITS: Final = 20


def every_way(data: bytes) -> Iterator[list[bytes]]:
    """Cut `data` in every way. Random cuts are the same in every run and include empty pieces."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(_RANDOM_SPLITS):
        yield cut_at_random(data, seed)


def cut_at_random(data: bytes, seed: int) -> list[bytes]:
    """`data` in up to twenty pieces."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets; a fixed seed makes a failure repeatable
    ends = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(1, 19)))
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]
