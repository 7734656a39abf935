"""The view's SQLite file."""

from __future__ import annotations

import random
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.view.events import GOLDEN, golden, receive, sample_event, sample_id
from view.filters import Filter, parse
from view.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "view.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    new_store = Store(file, max_exchanges=100)
    yield new_store
    new_store.close()


def ids(store: Store, line: str = "") -> list[str]:
    page = store.page(read(line), limit=100)
    return [row.id for row in page.rows]


def read(line: str) -> Filter:
    return parse(line, now_ms=0)


@pytest.mark.parametrize("case", GOLDEN)
def test_an_event_is_kept_as_it_came(store: Store, case: str) -> None:
    event = golden(case)
    store.add(receive(event))
    result = store.get(str(event["exchange_id"]))
    assert result is not None
    assert result.event == event
    assert store.page((), limit=1).rows == (result.row,)


def test_rows_come_newest_first_in_pages(store: Store) -> None:
    """Their order is that of the exchanges' ends, in any order of arrival, and each comes once."""
    store.add(receive(*(sample_event(number) for number in (3, 1, 5, 2, 4))))
    assert ids(store) == [sample_id(number) for number in (5, 4, 3, 2, 1)]
    first = store.page((), limit=2)
    second = store.page((), before=first.next, limit=2)
    third = store.page((), before=second.next, limit=2)
    result = [row.id for page in (first, second, third) for row in page.rows]
    assert (result, third.next) == (ids(store), None)


def test_exchanges_that_ended_together(store: Store) -> None:
    """Exchanges that ended together are not lost between pages."""
    end = sample_event()["timestamp"]
    store.add(receive(*(sample_event(number, timestamp=end) for number in range(5))))
    before, result = None, []
    for _ in range(5):
        page = store.page((), before=before, limit=1)
        result += [row.id for row in page.rows]
        before = page.next
    assert sorted(result) == [sample_id(number) for number in range(5)]
    assert before is None


@pytest.mark.parametrize("searched_first_count", [1, 7, 20, 60])
def test_a_text_is_found_among_the_newest_and_among_all(
    file: Path, searched_first_count: int
) -> None:
    """The same rows in the same pages, however many are searched first."""
    store = Store(file, max_exchanges=100, searched_first_count=searched_first_count)
    rng = random.Random(3)  # noqa: S311 - a test's
    numbers = rng.sample(range(60), 60)
    with_needle = {number for number in numbers if number % 3 == 0}
    ends = {
        number: sample_event(number // 4 * 4)["timestamp"] for number in numbers
    }  # four together
    store.add(
        receive(
            *(
                sample_event(
                    number,
                    timestamp=ends[number],
                    prompt=[
                        {
                            "role": "user",
                            "content": f"{'needle' if number in with_needle else 'hay'}",
                        }
                    ],
                )
                for number in numbers
            )
        )
    )
    before, result = None, []
    while True:
        page = store.page(read('"needle"'), before=before, limit=3)
        result += [row.id for row in page.rows]
        before = page.next
        if before is None:
            break
    every = [row.id for row in store.page((), limit=100).rows]
    assert result == [id_ for id_ in every if id_ in {sample_id(number) for number in with_needle}]
    store.close()


def test_an_event_that_is_delivered_twice_is_one_exchange(store: Store) -> None:
    assert len(store.add(receive(sample_event(1)))) == 1
    assert store.add(receive(sample_event(1))) == []
    assert store.count(()) == 1


def test_a_replayed_event_never_takes_the_place_of_the_first(store: Store) -> None:
    """Its capture may have been altered in storage."""
    store.add(receive(sample_event(1)))
    changed = sample_event(1, replayed=True, prompt=[{"role": "user", "content": "Another prompt"}])
    assert store.add(receive(changed)) == []
    assert ids(store, '"another prompt"') == ids(store, "replayed:yes") == []
    assert ids(store, '"say hello"') == [sample_id(1)]


def test_a_true_end_takes_the_place_of_an_aborted_one(store: Store) -> None:
    """Its texts are found, and those of the first no more."""
    store.add(receive(sample_event(1, outcome="aborted"), sample_event(2)))
    changed = sample_event(1, prompt=[{"role": "user", "content": "Another prompt"}])
    assert [new.event for new in store.add(receive(changed))] == [changed]
    assert ids(store, '"another prompt"') == [sample_id(1)]
    assert ids(store, '"say hello"') == [sample_id(2)]
    assert store.count(()) == 2


def test_what_is_not_an_event_of_fnsse_is_left_out(store: Store) -> None:
    assert store.add(receive({}, {"exchange_id": "x"}, sample_event(1)), {"0": 7})
    assert (store.count(()), store.positions()) == (1, {"0": 7})


def test_the_oldest_are_removed(file: Path) -> None:
    """Only so many are kept; their texts and events go with them."""
    store = Store(file, max_exchanges=3)
    store.add(receive(*(sample_event(number) for number in (4, 1, 3, 2, 5))))
    assert ids(store) == [sample_id(number) for number in (5, 4, 3)]
    assert (store.count(()), store.count(read('"say hello"'))) == (3, 3)
    assert store.get(sample_id(1)) is None
    store.close()


def test_a_removed_exchange_is_not_found_by_anything(store: Store) -> None:
    store.add(receive(sample_event(1), sample_event(2)))
    store.remove(sample_id(1))
    store.remove(sample_id(3))  # not there
    assert ids(store) == ids(store, '"say hello"') == [sample_id(2)]
    assert (store.get(sample_id(1)), store.count(())) == (None, 1)


def test_what_was_read_is_there_after_a_restart(file: Path) -> None:
    store = Store(file, max_exchanges=10)
    store.add(receive(sample_event(1)), {"0": 3, "1": 9})
    store.add([], {"0": 4})
    store.close()
    store = Store(file, max_exchanges=10)
    assert (ids(store), store.count(()), store.positions()) == ([sample_id(1)], 1, {"0": 4, "1": 9})
    store.close()


def test_a_file_of_another_version_is_made_anew(file: Path) -> None:
    """Its content is read from the Event Hub again."""
    Store(file, max_exchanges=10).close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    store = Store(file, max_exchanges=10)
    assert len(store.add(receive(sample_event(1)))) == 1
    store.close()


def test_only_its_owner_can_read_the_file(store: Store, file: Path) -> None:
    """Prompts and answers are in it, and in the files that SQLite keeps beside it."""
    store.add(receive(sample_event(1)))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "view.sqlite-wal" in modes


def test_readers_do_not_wait_for_the_writer(store: Store) -> None:
    """Threads that read see whole transactions while another one adds."""
    counts = []
    done = threading.Event()

    def reading() -> None:
        while not done.is_set():
            counts.append(len(store.page((), limit=100).rows))

    reader = threading.Thread(target=reading)
    reader.start()
    for number in range(0, 50, 10):
        store.add(receive(*(sample_event(number + offset) for offset in range(10))))
    done.set()
    reader.join()
    assert {count % 10 for count in counts} == {0}


@pytest.mark.parametrize("before", ["", "x", "1", "1-x", "1-2-3"])
def test_a_cursor_that_is_none_is_rejected(store: Store, before: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        store.page((), before=before, limit=1)
