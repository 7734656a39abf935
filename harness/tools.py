"""Tools that a test may need and a machine may lack."""

from __future__ import annotations

import os
import shutil
from typing import Final, NoReturn

import pytest

from local.stack.commands import HOW_TO_GET_FUNC, find_func
from local.stack.errors import ToolMissing

HOW_TO_GET: Final = {
    "bicep": "needs the Bicep CLI (`bicep`) on PATH: https://learn.microsoft.com/azure/azure-resource-manager/bicep/install",
    "policycheck": "needs `policycheck` on PATH: a program that compiles the C# expressions of API Management policies against "
    "the documented `context` (types of https://github.com/Azure/azure-api-management-policy-toolkit) and exits 1 on a problem",
}


def missing(message: str, tool: str = "") -> NoReturn:
    """Skip the test, saying what it needs; fail it if FNSSE_REQUIRE_TOOLS=1 requires all tools.

    FNSSE_WITHOUT_TOOLS names, separated by commas, the tools that even such a machine cannot have.
    """
    spared = tool in os.environ.get("FNSSE_WITHOUT_TOOLS", "").split(",") if tool else False
    if os.environ.get("FNSSE_REQUIRE_TOOLS") == "1" and not spared:
        pytest.fail(message)
    pytest.skip(message)


def tool_path(tool: str) -> str:
    """The path of a program in HOW_TO_GET; see `missing` for what happens without it."""
    path = shutil.which(tool)
    if path is None:
        missing(HOW_TO_GET[tool], tool)
    return path


def require_func() -> None:
    """Skip the test if `func` is not on PATH; fail it if FNSSE_REQUIRE_TOOLS=1 requires it."""
    try:
        find_func()
    except ToolMissing:
        missing(HOW_TO_GET_FUNC)
