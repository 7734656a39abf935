"""Logging during tests: an error of asyncio fails the test, and every logger can be read."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest import mock

import pytest


class _TextHandler(logging.Handler):
    """Stores records as text: a record itself would keep the exception and its frames alive."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def add(self, context: dict[str, Any]) -> None:
        """Store what an event loop reports to its exception handler."""
        error = context.get("exception")
        traceback_lines = (
            traceback.format_exception(error) if isinstance(error, BaseException) else ()
        )
        self.lines.append("\n".join([str(context.get("message")), *traceback_lines]))


@contextmanager
def asyncio_errors_raised(*, collect: bool) -> Iterator[None]:
    """Raises AssertionError at the end of the block if asyncio reported an error in it, by its
    logger or to the exception handler of any event loop. (anyio's own handler, which tests marked
    `anyio` run under, does not log.)

    A task or future whose exception nobody retrieved is reported when it is freed; one within a
    reference cycle is freed by a garbage collection only. collect: run one before judging.
    """
    records = _TextHandler(logging.ERROR)
    report = asyncio.BaseEventLoop.call_exception_handler
    collections = _collections_of_older()

    def record(loop: asyncio.BaseEventLoop, context: dict[str, Any]) -> None:
        records.add(context)
        report(loop, context)

    logger = logging.getLogger("asyncio")
    logger.addHandler(records)
    try:
        with mock.patch.object(asyncio.BaseEventLoop, "call_exception_handler", record):
            yield
            if collect:
                # What the block made is young as long as no collection has found it alive and made
                # it old. A collection of all that is old takes longer than most tests.
                gc.collect(1 if _collections_of_older() == collections else 2)
    finally:
        logger.removeHandler(records)
    assert not records.lines, "asyncio reported: " + "\n".join(records.lines)


def _collections_of_older() -> int:
    """How many collections so far may have moved an object into the oldest generation."""
    return sum(generation["collections"] for generation in gc.get_stats()[1:])


@pytest.fixture(autouse=True)
def no_asyncio_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """An error that asyncio reports fails the test during which it does, such as "Task exception
    was never retrieved".
    """
    with asyncio_errors_raised(collect="anyio_backend" in request.fixturenames):
        yield


@pytest.fixture
def every_log() -> Iterator[StringIO]:
    """All that any logger writes, SDKs' included, with tracebacks: for assertions that something
    private is not logged.
    """
    text = StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield text
    root.removeHandler(handler)
