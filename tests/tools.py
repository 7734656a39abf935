"""Tools that a test may need and a machine may lack."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test, saying what it needs; fail it where FNSSE_REQUIRE_TOOLS=1 says that everything has to be there."""
    if os.environ.get("FNSSE_REQUIRE_TOOLS") == "1":
        pytest.fail(what)
    pytest.skip(what)
