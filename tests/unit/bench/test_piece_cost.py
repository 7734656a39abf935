"""The cost of a piece is measured on streams that pass the relay whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.errors import BenchError
from bench.piece_cost import LIMITS, UNTOUCHED, stream_cpu_s


@pytest.mark.parametrize("ask_for_usage", [False, True])
def test_a_stream_takes_cpu(*, ask_for_usage: bool) -> None:
    """It takes some with the filter of the usage chunk and without."""
    assert stream_cpu_s(replace(UNTOUCHED, ask_for_usage=ask_for_usage), 10) > 0


def test_a_failed_exchange_gives_no_figure() -> None:
    """It costs less than one that passes."""
    with pytest.raises(BenchError):
        stream_cpu_s(UNTOUCHED, 10, replace(LIMITS, request_body_bytes=1))
