"""What is logged while a test runs: an error of asyncio fails it, and every logger can be read."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Final

import pytest

_ASYNCIO: Final = "asyncio"


class _Kept(logging.Handler):
    """Keeps what it is given, as text: a record would keep the exception and its frames alive."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def asyncio_errors_raised(*, collect: bool) -> Iterator[None]:
    """Raises AssertionError at the end of the block if the `asyncio` logger wrote an ERROR in it.

    A task or future whose exception nobody retrieved is reported when it is freed; one within a
    reference cycle is freed by a garbage collection only. collect: run one before judging.
    """
    handler = _Kept(logging.ERROR)
    logger = logging.getLogger(_ASYNCIO)
    logger.addHandler(handler)
    try:
        yield
        if collect:
            gc.collect()
    finally:
        logger.removeHandler(handler)
    assert not handler.lines, "asyncio reported: " + "\n".join(handler.lines)


@pytest.fixture(autouse=True)
def no_asyncio_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """An ERROR of the `asyncio` logger fails the test during which it is logged, such as "Task
    exception was never retrieved".
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
