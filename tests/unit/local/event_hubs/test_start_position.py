"""Start positions are read from the filters that the SDK writes."""

import pytest

from local.event_hubs.start_position import (
    EARLIEST,
    Field,
    Latest,
    StartPosition,
    StartPositionError,
    parse_selector,
)


@pytest.mark.parametrize(
    ("selector", "position"),
    [
        ("amqp.annotation.x-opt-offset > '-1'", EARLIEST),
        ("amqp.annotation.x-opt-offset > '@latest'", Latest()),
        ("amqp.annotation.x-opt-offset > '4711'", StartPosition(field=Field.OFFSET, value=4711)),
        (
            "amqp.annotation.x-opt-sequence-number >= '5'",
            StartPosition(field=Field.SEQUENCE_NUMBER, value=5, inclusive=True),
        ),
        (
            "amqp.annotation.x-opt-enqueued-time > '17'",
            StartPosition(field=Field.ENQUEUED_TIME, value=17),
        ),
    ],
)
def test_the_sdks_selectors_are_understood(selector: str, position: StartPosition | Latest) -> None:
    assert parse_selector(selector) == position


@pytest.mark.parametrize("selector", ["", "x > '1'", "amqp.annotation.x-opt-offset > 'abc'"])
def test_another_selector_is_refused(selector: str) -> None:
    with pytest.raises(StartPositionError, match="filter"):
        parse_selector(selector)
