"""Settings of all tests: asyncio for those marked `anyio`, and properties tried without a clock."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Generator, Iterator
from typing import Final

import hypothesis
import pytest
from xdist.remote import Producer

from harness import scheduling
from harness.logs import every_log as every_log
from harness.logs import no_asyncio_error as no_asyncio_error

# No deadline, nor one for drawing examples: the machine may be busy with other tests, and a
# property is not a benchmark. `make test THOROUGH=1` tries more examples.
for _profile, _examples in (("fnsse", 50), ("thorough", 100)):
    hypothesis.settings.register_profile(
        _profile,
        deadline=None,
        max_examples=_examples,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("fnsse")

# The Functions host and Bicep run on .NET, here for seconds each: compiling what is called often a
# second time takes longer than it saves.
_DOTNET: Final = {"DOTNET_TieredPGO": "0", "DOTNET_TC_CallCountThreshold": "1000"}

# Most tests there run the app in their own process.
_COVERED: Final = ("tests/unit", "tests/golden", "tests/integration")
_OF_OTHER_PROCESSES: Final = (
    "tests/integration/emulators/",
    "tests/integration/functions_host/test_durable",
    "tests/integration/functions_host/test_functions_host",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> scheduling.GroupScheduling | None:
    """For several workers: `--dist loadscope` keeps together what shares a stack or a host."""
    if config.getvalue("dist") != "loadscope":
        return None
    return scheduling.GroupScheduling(config, log)


def pytest_configure() -> None:
    """Set what all processes of the tests inherit."""
    for name, value in _DOTNET.items():
        os.environ.setdefault(name, value)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """End the measurement of coverage that pytest-cov begins in each worker before it knows that it
    is in one.

    It would go on below the worker's own measurement, at twice the cost, and in tests marked
    `no_cover` as well. Its data is not saved.
    """
    coverage = session.config.pluginmanager.get_plugin("_cov")
    if coverage and hasattr(session.config, "workerinput"):
        coverage.cov_controller.cov.stop()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage meanwhile: each time it would look at thousands of objects that stay, and
    collecting the tests would take a fifth longer.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests as the workers should take them up, and mark as thorough those that start a
    real host of their own. Leave out of coverage those that it would make slow or that run the app
    in other processes; the others reach what they reach.
    """
    items.sort(key=lambda item: scheduling.rank(item.nodeid))
    for item in items:
        if scheduling.starts_a_real_host(item.nodeid):
            item.add_marker("thorough")
        is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_property or not _runs_the_app(item.nodeid):
            item.add_marker("no_cover")


def _runs_the_app(node_id: str) -> bool:
    return node_id.startswith(_COVERED) and not node_id.startswith(_OF_OTHER_PROCESSES)


def pytest_collection_finish() -> None:
    """Leave out of garbage collections what is there for good, as the app's worker does: thousands
    of tests and their modules.

    A collection of all of them stops this process for a third of a second, and with it an event
    loop that a test looks at. So this does not begin with one: the little garbage stays.
    """
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`@pytest.mark.anyio` runs a coroutine test on asyncio, which is what the Functions worker
    runs on.
    """
    return "asyncio"


@pytest.fixture(autouse=True)
def only_the_apps_own_records(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Restrict `caplog` to the app's own loggers: SDKs whose clients other tests left running in
    this process write when they like. `every_log` holds what all loggers write.
    """
    own = logging.Filter("fnsse")
    caplog.handler.addFilter(own)
    yield
    caplog.handler.removeFilter(own)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print at the end of the run what tests recorded as `figures`, whichever worker ran them."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, figures in report.user_properties:
            if name == "figures" and report.when == "call":
                terminalreporter.write_line(str(figures))
