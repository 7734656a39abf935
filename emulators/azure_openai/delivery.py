"""A body as timed writes and an end, with the pace, layout and interruptions of the directives.
Pure and lazy.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from emulators.azure_openai.directives import Directives

_LARGEST_CUT: Final = 200  # bytes of the largest piece that `cut` makes
_PARTS: Final = 10  # pieces of a JSON body with an interruption


class BodyEnd(StrEnum):
    """The way in which a body ends."""

    FINISH = "finish"  # as HTTP requires
    END = "end"  # as HTTP requires but early: announced content is missing
    RESET = "reset"  # TCP reset
    CLOSE = "close"  # TCP close without the end that HTTP requires
    SILENCE = "silence"  # never


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """A piece of the body."""

    wait_ms: int  # before the piece is written
    data: bytes


type Step = Write | BodyEnd


def ending(directives: Directives) -> tuple[int | None, BodyEnd]:
    """After how many pieces the body ends early, and how; None: it does not."""
    interruptions = [
        (directives.reset_after, BodyEnd.RESET),
        (directives.close_after, BodyEnd.CLOSE),
        (directives.end_after, BodyEnd.END),
        (directives.silence_after, BodyEnd.SILENCE),
    ]
    return min(
        ((after, how) for after, how in interruptions if after is not None),
        default=(None, BodyEnd.FINISH),
    )


def steps(
    body: bytes | Iterable[bytes], directives: Directives, *, compressed: bool
) -> Iterator[Step]:
    """The writes of a body, then its BodyEnd."""
    stop_after, how = ending(directives)
    pieces = lay_out(body, directives, compressed=compressed)
    wait_ms, written = directives.first_chunk_ms, 0
    for data in islice(pieces, stop_after):
        yield Write(wait_ms=wait_ms, data=data)
        wait_ms, written = directives.chunk_ms, written + 1
    yield how if written == stop_after else BodyEnd.FINISH


def lay_out(
    body: bytes | Iterable[bytes], directives: Directives, *, compressed: bool
) -> Iterator[bytes]:
    """Cut the body into the pieces that the directives require, none of them empty."""
    pieces: Iterable[bytes] = body if not isinstance(body, bytes) else _parts(body, directives)
    if compressed:
        pieces = _gzip(pieces)
    if directives.byte_at_a_time:
        pieces = (bytes((byte,)) for piece in pieces for byte in piece)
    elif directives.cut is not None:
        pieces = cut(b"".join(pieces), directives.cut)
    return (piece for piece in pieces if piece)


def cut(body: bytes, seed: int) -> Iterator[bytes]:
    """The body in pieces of random sizes, which depend on the seed."""
    rng = random.Random(seed)  # noqa: S311 - to be repeatable is the point
    at = 0
    while at < len(body):
        size = rng.randint(1, _LARGEST_CUT)
        yield body[at : at + size]
        at += size


def _parts(body: bytes, directives: Directives) -> list[bytes]:
    if not directives.interrupts_body():
        return [body]
    size = max(1, -(-len(body) // _PARTS))
    return [body[at : at + size] for at in range(0, len(body), size)]


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each piece compressed and flushed, so that a reader can have it at once."""
    deflate = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield deflate.compress(piece) + deflate.flush(zlib.Z_SYNC_FLUSH)
    yield deflate.flush()
