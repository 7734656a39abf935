"""The imports of tests from each other: the rule of `harness/__init__.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.repository import ROOT
from tests.repository.python_files import python_files

_FOLDERS = ("tests", "prove/tests", "harness", "bench")


def _imported_modules(source: str) -> Iterator[str]:
    """The modules that a file imports, with those that may be names within them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _test_modules(source: str) -> set[str]:
    return {
        module
        for module in _imported_modules(source)
        if module.startswith(("tests.", "prove.")) and ".test_" in module
        if (ROOT / f"{module.replace('.', '/')}.py").exists()
    }


@pytest.mark.parametrize("folder", _FOLDERS)
def test_no_module_imports_a_module_of_tests(folder: str) -> None:
    """A helper of two modules is beside them, in a folder `support`, or in harness."""
    files = python_files(folder)
    assert files
    importing = {
        str(file.relative_to(ROOT)): modules
        for file in files
        if (modules := _test_modules(file.read_text("utf-8")))
    }
    assert importing == {}


@pytest.mark.parametrize(
    "source",
    [
        f"from tests.repository.{Path(__file__).stem} import _FOLDERS",
        f"from tests.repository import {Path(__file__).stem}",
        f"import tests.repository.{Path(__file__).stem}",
    ],
)
def test_such_an_import_is_found(source: str) -> None:
    assert _test_modules(source) == {f"tests.repository.{Path(__file__).stem}"}
