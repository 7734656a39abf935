"""The walk through the code names modules, classes and functions that exist."""

from __future__ import annotations

import ast
import re
from typing import Final

import pytest

from local.repository import ROOT

_PAGE: Final = ROOT / "docs" / "explanation" / "an-exchange-through-the-code.md"
# The diagram ends with the first line of three backticks alone.
_DIAGRAM, _TEXT = re.split(r"^```$", _PAGE.read_text("utf-8"), maxsplit=1, flags=re.MULTILINE)
_MODULES: Final = sorted(set(re.findall(r"`([\w/]+\.py)`", _TEXT)))
_STEPS: Final = re.findall(r"^\d+\. .*\n(?: +.*\n)*", _TEXT, re.MULTILINE)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


def _names(module: str) -> set[str]:
    """Its classes and functions, and the methods of its classes as `Class.method`."""
    nodes = list(ast.walk(ast.parse((ROOT / module).read_text("utf-8"))))
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    functions = {node.name for node in nodes if isinstance(node, _FUNCTIONS)}
    methods = {
        f"{owner.name}.{node.name}"
        for owner in classes
        for node in owner.body
        if isinstance(node, _FUNCTIONS)
    }
    return functions | methods | {owner.name for owner in classes}


_ALL_NAMES: Final = {name for module in _MODULES for name in _names(module)}


def _backticked_names(text: str) -> set[str]:
    """The names in backticks that are not modules."""
    return {name for name in re.findall(r"`([^`\n]+)`", text) if not name.endswith(".py")}


def test_every_name_is_in_a_module_of_the_page() -> None:
    assert sorted(_backticked_names(_TEXT) - _ALL_NAMES) == []


@pytest.mark.parametrize("step", _STEPS, ids=lambda step: step.partition(".")[0])
def test_a_step_begins_with_a_module_and_names_something_in_it(step: str) -> None:
    module = re.match(r"\d+\. `([\w/]+\.py)`: ", step)
    assert module
    assert _backticked_names(step) & _names(module[1])


def test_the_diagram_calls_methods_that_exist() -> None:
    classes = set(re.findall(r"participant ([A-Z]\w+)", _DIAGRAM))
    methods = {f"{owner}.{method}" for owner, method in re.findall(r">>(\w+): (\w+)\(\)", _DIAGRAM)}
    assert sorted((classes | methods) - _ALL_NAMES) == []
