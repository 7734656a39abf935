"""The Functions hosts that the shortened proofs run on."""

from __future__ import annotations

import pytest

from harness.tools import require_func
from local.stack import FunctionsHost


@pytest.fixture(scope="session", params=["embedded", "func"])
def functions_host(request: pytest.FixtureRequest) -> FunctionsHost:
    """The Functions host that a proof runs on."""
    host: FunctionsHost = request.param
    if host == "func":
        require_func()
    return host
