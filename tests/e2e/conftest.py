"""The whole stack for the end-to-end tests, once per Functions host."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from local.stack import FunctionsHost, Stack
from local.stack.commands import HOW_TO_GET_FUNC, find_func
from local.stack.errors import ToolMissing


@pytest.fixture(scope="session", params=["embedded", "func"])
def functions_host(request: pytest.FixtureRequest) -> FunctionsHost:
    """The Functions host that a test runs on. A test that needs settings of its own starts Stack(functions_host=this)."""
    host: FunctionsHost = request.param
    if host == "func":
        require_func()
    return host


def require_func() -> None:
    """Skips the test where there is no `func`; fails it where FNSSE_REQUIRE_TOOLS=1 says that there has to be one."""
    try:
        find_func()
    except ToolMissing:
        if os.environ.get("FNSSE_REQUIRE_TOOLS") == "1":
            pytest.fail(HOW_TO_GET_FUNC)
        pytest.skip(HOW_TO_GET_FUNC)


@pytest.fixture(scope="session")
def stack(functions_host: FunctionsHost) -> Iterator[Stack]:
    """All parts, on free ports, shared by all tests on this host: leave it as you found it."""
    with Stack(functions_host=functions_host) as running:
        yield running


@pytest.fixture(autouse=True)
def every_part_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """A part that ends by itself fails the test during which it did, by name."""
    yield
    if "stack" in request.fixturenames:
        running: Stack = request.getfixturevalue("stack")
        running.check()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the parts printed last below a test that failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(running, Stack):
        for name, part in running.parts.items():
            last_lines = "\n".join(part.output().splitlines()[-40:])
            report.sections.append((f"{name}, its last lines", last_lines))
    return report
