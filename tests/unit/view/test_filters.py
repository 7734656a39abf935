"""The filter line: its grammar, and that the store and a single row are compared alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.conversation import searched_text
from tests.unit.view.events import receive, row_of_event, sample_event, sample_id
from view.errors import FilterError
from view.exchange.row import Row
from view.filters import Filter, matches, parse
from view.filters.keys import BY_NAME, KEYS, ValueKind
from view.filters.sql import condition
from view.filters.terms import Compares, Contains, HasId, IsOneOf, Pattern
from view.store import Store

_NOW_MS: Final = 1_795_773_600_000  # 2026-11-27T10:00Z


def read(line: str) -> Filter:
    return parse(line, now_ms=_NOW_MS)


def is_one_of(
    key: str, *values: str | float | bool | Pattern | None, negated: bool = False
) -> IsOneOf:
    return IsOneOf(key=BY_NAME[key], values=values, negated=negated)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ()),
        (" \t ", ()),
        ("outcome:completed", (is_one_of("outcome", "completed"),)),
        ("outcome:!completed", (is_one_of("outcome", "completed", negated=True),)),
        ("Outcome:a,b", (is_one_of("outcome", "a", "b"),)),
        ('model:"gpt 4o",gpt-*', (is_one_of("model", "gpt 4o", Pattern(text="gpt-*")),)),
        ('model:"a*b"', (is_one_of("model", "a*b"),)),
        ('session:""', (is_one_of("session", None),)),
        ("status:429,500", (is_one_of("status", 429.0, 500.0),)),
        ("truncated:yes", (is_one_of("truncated", True),)),
        ("tokens>1k", (Compares(key=BY_NAME["tokens"], operator=">", value=1000),)),
        ("ttft>=1.5s", (Compares(key=BY_NAME["ttft_ms"], operator=">=", value=1500),)),
        ("duration<800", (Compares(key=BY_NAME["duration_ms"], operator="<", value=800),)),
        ("cached<=2M", (Compares(key=BY_NAME["tokens_cached"], operator="<=", value=2e6),)),
        ("time>-15m", (Compares(key=BY_NAME["time"], operator=">", value=_NOW_MS - 900_000),)),
        (
            "time<2026-11-27T11:00+01:00",
            (Compares(key=BY_NAME["time"], operator="<", value=_NOW_MS),),
        ),
        ("time<2026-11-27T10:00", (Compares(key=BY_NAME["time"], operator="<", value=_NOW_MS),)),
        ('"text in prompt"', (Contains(text="text in prompt"),)),
        (r'"a \"b\" \\c"', (Contains(text=r'a "b" \c'),)),
        ("weather", (Contains(text="weather"),)),
        ("東京都", (Contains(text="東京都"),)),
        (sample_id(1), (HasId(exchange_id=sample_id(1)),)),
        (sample_id(1).upper(), (HasId(exchange_id=sample_id(1)),)),
        (
            f'stream:no  "abc"\t{sample_id(1)}',
            (is_one_of("stream", False), Contains(text="abc"), HasId(exchange_id=sample_id(1))),
        ),
    ],
)
def test_a_line_is_read(line: str, expected: Filter) -> None:
    assert read(line) == expected


@pytest.mark.parametrize(
    ("line", "message", "at"),
    [
        ("outcom:completed", 'did you mean "outcome"', 0),
        ("stream:no zzzz:1", "the keys are outcome, status", 10),
        ("http://x", "needs quotes", 0),
        ("outcome:", "a value is expected", 8),
        ("outcome:a,", "a value is expected", 10),
        ("outcome:!", "a value is expected", 9),
        ("tokens>", "a value is expected", 7),
        ("tokens>many", "tokens: a number is expected", 7),
        ("tokens:12x", "tokens: a number is expected", 7),
        ("tokens>-1", "tokens: a number is expected", 7),
        ("ttft>2q", "ttft_ms: a duration is expected", 5),
        ("time>noon", "time: a time is expected", 5),
        ("time>-x", "time: a time is expected", 5),
        ("stream:maybe", "stream: yes or no is expected", 7),
        ("outcome>5", "outcome: only numbers", 8),
        ('"open', 'no closing "', 0),
        ('model:"open', 'no closing "', 6),
        ('"one""two"', "a space is expected", 5),
        ("ab", "at least 3 characters", 0),
        ('""', "at least 3 characters", 0),
        ("a\0b", "cannot be printed", 1),
        ("outcome:a\nb", "cannot be printed", 9),
        ("\ud800bcd", "cannot be printed", 0),
        ("a" * 2001, "more than 2000 characters", 2000),
        ("abc " * 51, "more than 50 terms", 200),
    ],
)
def test_what_is_wrong_is_named_with_its_place(line: str, message: str, at: int) -> None:
    with pytest.raises(FilterError) as error:
        read(line)
    assert message in str(error.value)
    assert error.value.at == at


def test_every_key_is_a_column_of_the_rows() -> None:
    row = row_of_event(sample_event())
    assert all(hasattr(row, key.column) for key in KEYS)


@given(
    line=st.text(max_size=40) | st.from_regex(r'[a-z]+[:<>=!]+["a-z0-9*,\\\- ]*', fullmatch=True)
)
def test_any_line_is_read_or_rejected(line: str) -> None:
    """Nothing that is written raises anything else, and a place is within the line."""
    assert 0 <= _place_of_error(line) <= len(line)


def _place_of_error(line: str) -> int:
    """The place of the error; 0 if there is none."""
    try:
        read(line)
    except FilterError as error:
        return error.at
    return 0


# --- the store and a single row give the same answer

_TEXTS: Final = (
    "completed",
    "Completed",
    "gpt-4o",
    "gpt_4o",
    "gpt%4o",
    "ä",
    "Ä",
    "a'b",
    'a"b',
    "\\",
    "x;--",
)
_NUMBERS: Final = (0, 1, 999, 1000, 1001, 2**40)
_PHRASES: Final = (
    "Say hello",
    "say HELLO",
    "Greek: κα",
    "terse.",
    "absent",
    'quo"ted',
    "AND",
    "a* OR",
    "%el%",
)


def rows() -> st.SearchStrategy[Row]:
    base = row_of_event(sample_event())
    text = st.none() | st.sampled_from(_TEXTS)
    number = st.none() | st.sampled_from(_NUMBERS)
    return st.builds(
        lambda changes: replace(base, **changes),
        st.fixed_dictionaries(
            {
                "outcome": st.sampled_from(_TEXTS),
                "deployment": text,
                "session": text,
                "status": number,
                "tokens": number,
                "ttft_ms": number,
                "cost": st.none() | st.sampled_from((0.0, 0.5, 2.0)),
                "truncated": st.booleans(),
            }
        ),
    )


def terms() -> st.SearchStrategy[str]:
    quoted = st.sampled_from(_TEXTS).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
    word = st.sampled_from(("completed", "gpt*", "*4o", "g*t-4*", "*", "*%*", "*_*", "gpt_4o"))
    texts = st.lists(quoted | word | st.just('""'), min_size=1, max_size=3).map(",".join)
    numbers = st.lists(st.sampled_from(_NUMBERS).map(str) | st.just('""'), min_size=1, max_size=3)
    colon = st.sampled_from((":", ":!"))
    return st.one_of(
        st.tuples(st.sampled_from(("outcome", "deployment", "session")), colon, texts).map("".join),
        st.tuples(st.sampled_from(("status", "tokens", "ttft")), colon, numbers.map(",".join)).map(
            "".join
        ),
        st.tuples(
            st.sampled_from(("status", "tokens", "cost")),
            st.sampled_from(("<", "<=", ">", ">=")),
            st.sampled_from(("0", "0.5", "1k", "1000", "2")),
        ).map("".join),
        st.tuples(st.just("truncated"), colon, st.sampled_from(("yes", "no", '""'))).map("".join),
        st.sampled_from(_PHRASES).map(lambda text: '"' + text.replace('"', '\\"') + '"'),
    )


@pytest.fixture(scope="module")
def stored_as(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Row, Filter], bool]]:
    """Whether the store finds an exchange that has this row."""
    folder: Path = tmp_path_factory.mktemp("store")
    store = Store(folder / "view.sqlite", max_exchanges=10)
    store.add(receive(sample_event()))
    connection = sqlite3.connect(folder / "view.sqlite")

    def is_found(row: Row, query: Filter) -> bool:
        with connection:
            for name in (
                "outcome",
                "deployment",
                "session",
                "status",
                "tokens",
                "ttft_ms",
                "cost",
                "truncated",
            ):
                change = f'UPDATE exchanges SET "{name}" = ?'  # noqa: S608 - a name of the list
                connection.execute(change, (getattr(row, name),))
        return bool(store.page(query, limit=1).rows)

    yield is_found
    connection.close()
    store.close()


@given(row=rows(), line=st.lists(terms(), max_size=3).map(" ".join))
def test_the_store_finds_what_matches(
    stored_as: Callable[[Row, Filter], bool], row: Row, line: str
) -> None:
    """The live table, which looks at single rows, and the stored one show the same."""
    query = read(line)
    text = searched_text(sample_event())
    assert stored_as(row, query) is matches(query, row, lambda: text)


@given(
    value=st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=3, max_size=20)
)
def test_nothing_that_is_written_becomes_sql(value: str) -> None:
    """The conditions of two filters that differ in a value alone do not differ."""
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for template in ("outcome:{}", "model:!{}", "{}"):
        written, plain = read(template.format(quoted)), read(template.format('"plain"'))
        assert condition(written).sql == condition(plain).sql


def test_the_text_is_read_only_if_the_filter_searches_it() -> None:
    row = row_of_event(sample_event())

    def text() -> str:
        raise AssertionError("not needed")

    assert matches(read("deployment:gpt-4o"), row, text)
    assert not matches(read('outcome:timed_out "say hello"'), row, text)


@pytest.mark.parametrize("name", [key.name for key in KEYS])
def test_every_key_can_be_absent_or_compared(name: str) -> None:
    """The filters are `key:""` of each key, and a comparison of those that have an order."""
    assert read(f'{name}:""') == (is_one_of(name, None),)
    if BY_NAME[name].kind in {ValueKind.COUNT, ValueKind.DURATION}:
        assert isinstance(read(f"{name}>1")[0], Compares)
