"""The figures of the charts, and the exchanges before and after one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from shared.core.wire.json.json_shape import Json
from tests.unit.view.events import receive, row_of_event, sample_event, sample_id
from view.filters import parse
from view.server.charts import bucket_of, fill_gaps
from view.store import Store

_MS: Final = row_of_event(sample_event(0)).exact_end_ms


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    new_store = Store(tmp_path / "view.sqlite", max_exchanges=1000)
    yield new_store
    new_store.close()


def test_bands_are_the_nearest_ranks(store: Store) -> None:
    """Half of the values 1 to 20 are at most 10, and 95 of 100 are at most 19."""
    events = [
        sample_event(number, time_to_first_token_ms=number, stream=True) for number in range(1, 21)
    ]
    store.add(receive(*events))
    charts = store.figures((), from_ms=_MS, bucket_ms=60_000)
    assert charts.bands == [(_MS, 10, 19)]
    assert charts.points[0] == (_MS + 1000, 1, sample_id(1))
    assert len(charts.points) == 20


def test_series_are_sums_by_bucket(store: Store) -> None:
    store.add(
        receive(
            sample_event(1, tokens={"input": 5, "output": 1}),
            sample_event(2, tokens={"input": 1, "output": 1}, outcome="timed_out"),
            sample_event(70, tokens=None, usage_source="none"),
            sample_event(71, tokens={"input": 2, "output": 0}, deployment=None),
        )
    )
    charts = store.figures((), from_ms=_MS, bucket_ms=60_000)
    assert charts.tokens == {"gpt-4o": [(_MS, 8)], "-": [(_MS + 60_000, 2)]}
    assert charts.outcomes == {
        "completed": [(_MS, 1), (_MS + 60_000, 2)],
        "timed_out": [(_MS, 1)],
    }


def test_only_what_matches_and_is_recent_counts(store: Store) -> None:
    store.add(receive(sample_event(1), sample_event(70), sample_event(80, outcome="aborted")))
    query = parse("outcome:completed", now_ms=0)
    charts = store.figures(query, from_ms=_MS + 60_000, bucket_ms=60_000)
    assert charts.outcomes == {"completed": [(_MS + 60_000, 1)]}


def test_open_streams(store: Store) -> None:
    """Open streams are counted from their starts to their ends. Of three streams two are open at
    the tenth second; a call that is no stream does not count.
    """
    store.add(
        receive(
            sample_event(12, latency_ms=9_000, stream=True),  # 3 to 12
            sample_event(25, latency_ms=16_000, stream=True),  # 9 to 25
            sample_event(27, latency_ms=1_000, stream=True),  # 26 to 27, within a bucket
            sample_event(28, latency_ms=20_000, stream=False),
        )
    )
    charts = store.figures((), from_ms=_MS, bucket_ms=5_000)
    values = list(fill_gaps(charts.open_streams, _MS, _MS + 30_000, 5_000))
    assert [value for _, value in values] == [0, 1, 2, 1, 1, 0]


def test_sums_of_long_spans_are_those_of_their_exchanges(store: Store) -> None:
    """This holds after some were replaced, removed, or came late. A filter that holds for all reads
    the exchanges themselves.
    """
    rng = random.Random(5)  # noqa: S311 - a test's
    events = [
        sample_event(
            number * 37,
            stream=rng.random() < 0.7,
            deployment=rng.choice(["gpt-4o", "o3", None]),
            outcome=rng.choice(["aborted", "completed", "timed_out"]),
            tokens=None if rng.random() < 0.5 else {"input": rng.randrange(5000), "output": 3},
            time_to_first_token_ms=rng.choice([None, rng.randrange(90_000)]),
            latency_ms=rng.randrange(900_000),
        )
        for number in rng.sample(range(300), 300)
    ]
    store.add(receive(*events))
    aborted = [event for event in events if event["outcome"] == "aborted"]
    store.add(receive(*({**event, "outcome": "completed"} for event in aborted)))
    for event in events[::7]:
        store.remove(str(event["exchange_id"]))
    from_ms = _MS // 600_000 * 600_000 + 1_200_000
    summed = store.figures((), from_ms=from_ms, bucket_ms=600_000)
    read = store.figures(parse("outcome:*", now_ms=0), from_ms=from_ms, bucket_ms=600_000)
    assert (summed.points, summed.tokens, summed.outcomes) == (
        read.points,
        read.tokens,
        read.outcomes,
    )
    to_ms = from_ms + 12_000_000
    assert list(fill_gaps(summed.open_streams, from_ms, to_ms, 600_000)) == list(
        fill_gaps(read.open_streams, from_ms, to_ms, 600_000)
    )
    for (start, *ranks), (start_read, *ranks_read) in zip(summed.bands, read.bands, strict=True):
        assert start == start_read
        assert all(
            exact / 1.016 - 1 < rounded <= exact
            for rounded, exact in zip(ranks, ranks_read, strict=True)
        )


@pytest.mark.parametrize(
    ("minutes", "seconds"), [(1, 1), (5, 5), (60, 60), (24 * 60, 1800), (31 * 24 * 60, 43_200)]
)
def test_a_range_has_at_most_ninety_buckets(minutes: int, seconds: int) -> None:
    assert bucket_of(minutes * 60_000) == seconds * 1000


def test_neighbours_are_of_the_same_session_and_caller(store: Store) -> None:
    session: Json = {"x-session-id": "s"}
    store.add(
        receive(
            sample_event(1, session_headers=session, caller={"user": "a"}),
            sample_event(2, session_headers={}, caller={"user": "b"}),
            sample_event(3, session_headers=session, caller={"user": "b"}),
            sample_event(4, session_headers={}, caller={"user": "a"}, user=None),
            sample_event(5, session_headers=session, caller={"user": "c"}),
        )
    )
    charts = store.get(sample_id(3))
    assert charts is not None
    assert store.neighbours(charts.row) == {
        "previous": {"session": sample_id(1), "caller": sample_id(2)},
        "next": {"session": sample_id(5), "caller": None},
    }
