"""The docstring of a package is its table of contents; the architecture names all packages."""

from __future__ import annotations

import ast
import re
import tomllib
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


def test_the_architecture_names_every_package() -> None:
    """Those of shared/ and of shared/core/, each in a row of its table."""
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    folders = [path.parent for path in _SHARED.glob("*/__init__.py")]
    folders += [path.parent for path in _SHARED.glob("core/*/__init__.py")]
    names = sorted(str(folder.relative_to(ROOT)) for folder in folders if folder.name != "core")
    assert [name for name in names if f"| `{name}/` |" not in page] == []


def test_the_architecture_draws_every_layer() -> None:
    """The layers that import-linter checks."""
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = [
        layer.replace(" | ", " · ")
        for contract in contracts["contracts"]
        if contract["id"] in {"app", "core"}
        for layer in contract["layers"]
    ]
    beside = {"core · concurrency": "core", layers[0]: layers[0].removesuffix(" · adapters")}
    assert [layer for layer in layers if beside.get(layer, layer) not in page] == []
