"""A body that is not stored: its size, its hash, and what is held of it in memory."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.exchange.unstored_body import FIRST_BYTES, WHOLE_BYTES, UnstoredBody
from shared.core.wire.stream.tail import TAIL_BYTES

# Sizes around the limits, so that pieces cross them in every way.
PIECES = st.lists(
    st.sampled_from([0, 1, 100, FIRST_BYTES, TAIL_BYTES - 1, WHOLE_BYTES - 1, WHOLE_BYTES + 1]),
    max_size=8,
)


@given(PIECES, st.integers(0, TAIL_BYTES))
def test_size_hash_beginning_and_end_are_those_of_the_whole_body(
    sizes: list[int], count: int
) -> None:
    body, whole = UnstoredBody(), b""
    for number, size in enumerate(sizes):
        piece = bytes((number + at) % 251 for at in range(size))
        whole += piece
        body.feed(piece)
        assert body.last_bytes(count) == whole[len(whole) - min(count, len(whole)) :]
        digest = body.digest()
        assert (digest.bytes, digest.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
    if len(whole) <= WHOLE_BYTES:
        assert body.whole == whole
    else:
        assert body.whole is None
        first, last = body.ends
        assert first == whole[: len(first)]
        assert len(first) == FIRST_BYTES
        assert last == whole[-TAIL_BYTES:]


def test_of_a_long_body_little_is_held() -> None:
    body = UnstoredBody()
    for _ in range(1000):
        body.feed(b"x" * 10_000)
    first, last = body.ends
    assert (body.size, body.whole, len(first), len(last)) == (10**7, None, FIRST_BYTES, TAIL_BYTES)
