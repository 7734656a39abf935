"""The docstring of a package is its table of contents."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from local.repository import ROOT

_SHARED = ROOT / "shared"
_VIEW = _SHARED.parent / "view"
_PACKAGES = sorted(
    path.parent for folder in (_SHARED, _VIEW) for path in folder.rglob("__init__.py")
)


def _contents(package: Path) -> list[str]:
    """The modules and packages directly in a package."""
    modules = [path.stem for path in package.glob("*.py") if path.stem != "__init__"]
    return sorted(modules + [path.parent.name for path in package.glob("*/__init__.py")])


def _names(docstring: str) -> set[str]:
    """The words of the docstring in backticks or on an indented line."""
    marked = re.findall(r"`([\w.]+)`", docstring)
    indented = re.findall(r"^    .*$", docstring, re.MULTILINE)
    return set(marked) | {word for line in indented for word in re.findall(r"\w+", line)}


@pytest.mark.parametrize(
    "package", _PACKAGES, ids=[str(package.relative_to(_SHARED.parent)) for package in _PACKAGES]
)
def test_every_module_is_named_in_its_packages_docstring(package: Path) -> None:
    """In backticks or on an indented line, where it says what the module does."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    missing = set(_contents(package)) - _names(docstring)
    assert not missing, f"{package.name}/__init__.py names no {', '.join(sorted(missing))}"
