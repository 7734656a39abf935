"""The stacks of the end-to-end tests: each is started once per Functions host and settings, and
shared. A worker that goes on with other folders' tests ends it: an idle Functions host takes an
eighth of a core.

Which tests run on which host:

- What the host decides runs on both: routes, paths, queries and headers, framing and streaming,
  disconnects, signals and kills, retries of the queue, Durable Functions, what is printed.
- What only the app decides (the contents of responses and events, the order of its own time-outs,
  how a failure is worded) runs on the embedded host alone, marked `on_embedded_alone`.
- `make test` starts the real host once, for the tests that share the stack with usual settings.
  Each further start of it takes 5 s of CPU, so the others run with THOROUGH=1.

harness/scheduling.py names the stack that the tests of a file share. With --through-pool the app
calls its upstream through the stand-in of the pool of accounts on API Management.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from harness import privacy
from harness.account_pool import Account, AccountPool
from harness.event_log import EventLog
from harness.tools import require_func
from local.stack import FunctionsHost, Stack

# For tests of limits and outages, which with the defaults would take minutes. Times in seconds.
STRAINED_READ_TIMEOUT_S: Final = 3
STRAINED_BODY_LIMIT_BYTES: Final = 512 * 1024
STRAINED_RECORDING_WAIT_S: Final = 3
STRAINED_VISIBILITY_TIMEOUT_S: Final = 2
_STRAINED: Final = {
    "UPSTREAM_READ_TIMEOUT_S": str(STRAINED_READ_TIMEOUT_S),
    "MAX_REQUEST_BODY_MB": str(STRAINED_BODY_LIMIT_BYTES / 2**20),
    "RECORDING_WAIT_MS": str(STRAINED_RECORDING_WAIT_S * 1000),
    "KEEP_ALIVE_S": "0.3",
    "EARLY_RESPONSE_AFTER_S": "0.6",
    "EXCHANGE_TIMEOUT_S": "6",
    "DRAIN_AFTER_DISCONNECT_S": "20",
    "FOLLOW_BACKGROUND_AFTER_S": "1",
    "FOLLOW_SCHEDULE": "* * * * * *",
}

# Settings of host.json under the names by which the environment overrides them, on both hosts.
_QUEUES: Final = "AzureFunctionsJobHost__extensions__queues__"
_DURABLE: Final = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__"
_SINGLETON: Final = "AzureFunctionsJobHost__singleton__"
# An idle host polls its queues every 2 s, and those of Durable Functions every 30 s.
POLLING: Final = {
    f"{_QUEUES}maxPollingInterval": "00:00:00.200",
    f"{_DURABLE}maxQueuePollingInterval": "00:00:01",
}
# A timer of the real host holds a lease of 60 s, and a host that starts after a kill looks every
# 60 s whether its predecessor's has ended. These are the shortest times that it takes.
_LEASES: Final = {
    f"{_SINGLETON}listenerLockPeriod": "00:00:15",
    f"{_SINGLETON}listenerLockRecoveryPollingInterval": "00:00:15",
}

# What asyncio's own handlers of exceptions write, whatever the host's format of a log line.
_ASYNCIO_ERROR: Final = re.compile(
    r"exception was never retrieved|ERROR[: ]+asyncio|Exception in callback|Task was destroyed"
)

on_embedded_alone = pytest.mark.parametrize("functions_host", ["embedded"], indirect=True)


@pytest.fixture(scope="session", params=["embedded", "func"])
def functions_host(request: pytest.FixtureRequest) -> FunctionsHost:
    """The Functions host that a test runs on. A test that needs settings of its own starts
    Stack(functions_host=this).
    """
    host: FunctionsHost = request.param
    if host == "func":
        require_func()
    return host


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--through-pool",
        action="store_true",
        help="put the stand-in of API Management's account pool between the app and the upstream",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of what the account itself receives say nothing of a pool's call of it."""
    if not config.getoption("--through-pool"):
        return
    for item in items:
        marker = item.get_closest_marker("direct_upstream")
        if marker:
            item.add_marker(pytest.mark.skip(reason=f"through the pool, {marker.args[0]}"))


@pytest.fixture(scope="session")
def pools(request: pytest.FixtureRequest) -> list[AccountPool] | None:
    """The pools that stand before the upstreams of the stacks; None without --through-pool."""
    return [] if request.config.getoption("--through-pool") else None


@pytest.fixture(autouse=True)
def every_pool_recovers(pools: list[AccountPool] | None) -> None:
    """A circuit breaker that one test has opened is closed for the next one."""
    for pool in pools or ():
        pool.recover()


@contextmanager
def serve(
    functions_host: FunctionsHost, settings: dict[str, str], pools: list[AccountPool] | None
) -> Iterator[Stack]:
    """A stack; with --through-pool its app calls the upstream through a pool of one account, so
    that a refused call is not repeated elsewhere.
    """
    if pools is None:
        with Stack(functions_host=functions_host, settings=settings) as running:
            yield running
        return
    with (
        AccountPool(accounts=[Account(name="oai-only", region="swedencentral")]) as pool,
        Stack(functions_host=functions_host, settings={**settings, **pool.settings}) as running,
    ):
        pool.upstream_url = running.stand_in_url
        pools.append(pool)
        yield running
        pools.remove(pool)
        assert pool.accepted, "the app did not call its upstream through the pool"


@pytest.fixture(scope="package")
def stack(functions_host: FunctionsHost, pools: list[AccountPool] | None) -> Iterator[Stack]:
    """All parts, on free ports, shared by all tests on this host: leave it as you found it."""
    with serve(functions_host, POLLING, pools) as running:
        yield running


@pytest.fixture(scope="package")
def events(stack: Stack) -> Iterator[EventLog]:
    """The events of `stack`, received from its start on."""
    with EventLog(stack) as log:
        yield log


@pytest.fixture(scope="package")
def strained_stack(
    functions_host: FunctionsHost, pools: list[AccountPool] | None
) -> Iterator[Stack]:
    """A second stack with short limits, which comments, answers early and drains; shared by the
    tests that stop its parts: leave them running.
    """
    visibility = {f"{_QUEUES}visibilityTimeout": f"00:00:0{STRAINED_VISIBILITY_TIMEOUT_S}"}
    settings = {**_STRAINED, **POLLING, **_LEASES, **visibility}
    with serve(functions_host, settings, pools) as running:
        yield running


@pytest.fixture(scope="module")
def strained_events(strained_stack: Stack) -> Iterator[EventLog]:
    """The events of `strained_stack`, for files that do not stop its Event Hub."""
    with EventLog(strained_stack) as log:
        yield log


@pytest.fixture(autouse=True)
def every_part_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """A part that ends by itself fails the test during which it did, by name."""
    yield
    for running in _stacks_of(request):
        running.check()


@pytest.fixture(autouse=True)
def nothing_private_is_printed(request: pytest.FixtureRequest) -> Iterator[None]:
    """The Functions host prints no secret, prompt or answer, in any test."""
    yield
    for running in _stacks_of(request):
        privacy.check_output(running)


@pytest.fixture(autouse=True)
def no_asyncio_error_is_printed(request: pytest.FixtureRequest) -> Iterator[None]:
    """asyncio reports no error in the app's process, such as an exception never retrieved."""
    yield
    for running in _stacks_of(request):
        output = running.parts["functions_host"].output()
        assert [line for line in output.splitlines() if _ASYNCIO_ERROR.search(line)] == []


def _stacks_of(request: pytest.FixtureRequest) -> list[Stack]:
    return [
        request.getfixturevalue(name)
        for name in ("stack", "strained_stack", "guarded_stack")
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
        (
            arguments[name]
            for name in ("guarded_stack", "strained_stack", "stack")
            if name in arguments
        ),
        None,
    )
    if report.failed and isinstance(running, Stack):
        for name, part in running.parts.items():
            last_lines = "\n".join(part.output().splitlines()[-40:])
            report.sections.append((f"{name}, its last lines", last_lines))
    return report
