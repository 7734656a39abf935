"""A test's name is a short sentence; what it cannot hold stands in the test's docstring."""

from __future__ import annotations

import ast
from typing import Final

import pytest

from local.repository import ROOT
from tests.repository.python_files import python_files

_LONGEST: Final = 60


@pytest.mark.parametrize("folder", ["tests", "prove/tests"])
def test_no_name_is_long(folder: str) -> None:
    names = {
        f"{file.relative_to(ROOT)}: {node.name}"
        for file in python_files(folder)
        if file.name.startswith("test_")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) > _LONGEST
    }
    assert names == set()
