"""The needs of the use cases are stated once, in shared/ports."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from local.repository import ROOT

_PORTS: Final = sorted((ROOT / "shared" / "ports").glob("[a-z]*.py"))
_APP: Final = [
    ROOT / "function_app.py",
    *(ROOT / "shared").rglob("*.py"),
    *(ROOT / "blueprints").rglob("*.py"),
]


def _classes(path: Path) -> list[ast.ClassDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def _bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def _methods(node: ast.ClassDef) -> list[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return [member.name for member in node.body if isinstance(member, functions)]


_NAMES: Final = {node.name for path in _PORTS for node in _classes(path)}


@pytest.mark.parametrize("path", _PORTS, ids=lambda path: path.stem)
def test_a_method_is_described_once(path: Path) -> None:
    """A capability with several users is a Protocol of its own, which others inherit."""
    counts = Counter(method for node in _classes(path) for method in _methods(node))
    assert [method for method, count in counts.items() if count > 1] == []


def test_a_use_case_composes_ports_and_adds_no_method() -> None:
    """The whole contract of an adapter is in shared/ports."""
    offenders = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in _APP
        if path not in _PORTS
        for node in _classes(path)
        if _bases(node) & _NAMES and _methods(node)
    ]
    assert offenders == []


def test_every_port_is_used() -> None:
    used = {
        name
        for path in _APP
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in ([node.id] if isinstance(node, ast.Name) else [])
    }
    assert sorted(_NAMES - used) == []
