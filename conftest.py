"""What all tests share: asyncio for those marked `anyio`, and properties that are tried without a
clock.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import hypothesis
import pytest

# No deadline, nor one for drawing examples: the machine may be busy with other tests, and a
# property is not a benchmark.
hypothesis.settings.register_profile(
    "fnsse",
    deadline=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("fnsse")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For several workers (`--dist loadgroup`): a Functions host's end-to-end tests stay together,
    so does each other file.
    """
    for item in items:
        parameters = getattr(item, "callspec", None)
        host = parameters.params.get("functions_host") if parameters is not None else None
        # What evaluates deployments shares one evaluation of all of them.
        group = (
            "deployments" if "evaluator" in getattr(item, "fixturenames", ()) else item.path.stem
        )
        item.add_marker(pytest.mark.xdist_group(f"end-to-end-{host}" if host else group))


def pytest_collection_finish() -> None:
    """Leave out of garbage collections what is there for good, as the app's worker does: thousands
    of tests and their modules.

    A collection of all of them stops this process for a third of a second, and with it an event
    loop that a test looks at.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`@pytest.mark.anyio` runs a coroutine test on asyncio, which is what the Functions worker
    runs on.
    """
    return "asyncio"


@pytest.fixture(autouse=True)
def only_the_apps_own_records(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What `caplog` holds in any test: SDKs whose clients other tests left running in this process
    write when they like.
    """
    own = logging.Filter("fnsse")
    caplog.handler.addFilter(own)
    yield
    caplog.handler.removeFilter(own)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test recorded as `figures` stands at the end of the run, whichever worker ran it."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, figures in report.user_properties:
            if name == "figures" and report.when == "call":
                terminalreporter.write_line(str(figures))
