"""What all tests share: asyncio for those marked `anyio`, and properties that are tried without a clock."""

from __future__ import annotations

import hypothesis
import pytest

# No deadline: the machine may be busy with other tests, and a property is not a benchmark.
hypothesis.settings.register_profile("fnsse", deadline=None, max_examples=100)
hypothesis.settings.load_profile("fnsse")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`@pytest.mark.anyio` runs a coroutine test on asyncio, which is what the Functions worker runs on."""
    return "asyncio"
