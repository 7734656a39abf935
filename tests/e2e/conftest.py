"""The whole stack for the end-to-end tests, once per Functions host."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from harness import privacy
from harness.event_log import EventLog
from harness.tools import require_func
from local.stack import FunctionsHost, Stack

# For tests of limits and outages, which with the defaults would take minutes. Times in seconds.
STRAINED_READ_TIMEOUT_S = 2
STRAINED_BODY_LIMIT_BYTES = 512 * 1024
STRAINED_RECORDING_WAIT_S = 4
STRAINED_VISIBILITY_TIMEOUT_S = 2


@pytest.fixture(scope="session", params=["embedded", "func"])
def functions_host(request: pytest.FixtureRequest) -> FunctionsHost:
    """The Functions host that a test runs on. A test that needs settings of its own starts
    Stack(functions_host=this).
    """
    host: FunctionsHost = request.param
    if host == "func":
        require_func()
    return host


@pytest.fixture(scope="session")
def stack(functions_host: FunctionsHost) -> Iterator[Stack]:
    """All parts, on free ports, shared by all tests on this host: leave it as you found it."""
    with Stack(functions_host=functions_host) as running:
        yield running


@pytest.fixture(scope="session")
def events(stack: Stack) -> Iterator[EventLog]:
    """The events of `stack`, received from its start on."""
    with EventLog(stack) as log:
        yield log


@pytest.fixture(scope="session")
def strained(functions_host: FunctionsHost) -> Iterator[Stack]:
    """A second stack with short limits, shared by the tests that stop its parts: leave them
    running.
    """
    settings = {
        "UPSTREAM_READ_TIMEOUT_S": str(STRAINED_READ_TIMEOUT_S),
        "MAX_REQUEST_BODY_MB": str(STRAINED_BODY_LIMIT_BYTES / 2**20),
        "RECORDING_WAIT_MS": str(STRAINED_RECORDING_WAIT_S * 1000),
        # host.json's setting under the name by which the environment overrides it, on the real host
        # too.
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": f"00:00:0{STRAINED_VISIBILITY_TIMEOUT_S}",
    }
    with Stack(functions_host=functions_host, settings=settings) as running:
        yield running


@pytest.fixture(autouse=True)
def every_part_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """A part that ends by itself fails the test during which it did, by name."""
    yield
    for running in _stacks_of(request):
        running.check()


@pytest.fixture(autouse=True)
def nothing_private_is_printed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does: no secret, prompt or answer shows in what the Functions host prints."""
    yield
    for running in _stacks_of(request):
        privacy.check_output(running)


def _stacks_of(request: pytest.FixtureRequest) -> list[Stack]:
    return [
        request.getfixturevalue(name)
        for name in ("stack", "strained", "guarded")
        if name in request.fixturenames
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the parts printed last below a test that failed."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    running = next(
        (arguments[name] for name in ("guarded", "strained", "stack") if name in arguments), None
    )
    if report.failed and isinstance(running, Stack):
        for name, part in running.parts.items():
            last_lines = "\n".join(part.output().splitlines()[-40:])
            report.sections.append((f"{name}, its last lines", last_lines))
    return report
