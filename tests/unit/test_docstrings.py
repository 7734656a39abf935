"""A docstring begins with a noun or a verb, so that its first words name the thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.repository import ROOT

_FOLDERS: Final = ("blueprints", "infra/hooks", "shared", "view")
_RELATIVE_CLAUSE: Final = re.compile(r"(As|Of|What|Whatever|Who|Whoever)\b")


def _docstrings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("folder", _FOLDERS)
def test_no_docstring_begins_with_a_clause(folder: str) -> None:
    docstrings = [
        f"{file.relative_to(ROOT)}: {docstring}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for docstring in _docstrings(file)
        if _RELATIVE_CLAUSE.match(docstring)
    ]
    assert docstrings == []
