"""The docstring of a package is its table of contents; the architecture names all packages."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final

import pytest

from local.repository import ROOT

_SHARED = ROOT / "shared"
_FOLDERS = [ROOT / "blueprints", _SHARED, ROOT / "view"]
_TOOLS = [ROOT / name for name in ("emulators", "local", "harness", "bench", "prove")]
_HOOKS = ROOT / "infra" / "hooks"
_PACKAGES = sorted(
    path.parent
    for folder in _FOLDERS + _TOOLS
    for path in folder.rglob("__init__.py")
    if path.parent.name != "tests"
)


def _docstring(package: Path) -> str:
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""


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
    """It stands in backticks or on an indented line, where the docstring says what it does."""
    missing = set(_contents(package)) - _names(_docstring(package))
    assert not missing, f"{package.name}/__init__.py names no {', '.join(sorted(missing))}"


@pytest.mark.parametrize(
    "package",
    sorted(path.parent for path in _SHARED.rglob("__init__.py")),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_package_says_what_enters_and_leaves(package: Path) -> None:
    """It says so by `In:` and `Out:`, or by the verbs; and it says what may be imported."""
    docstring = _docstring(package)
    assert re.search(r"\bIn:|\benters?\b", docstring), "what enters"
    assert re.search(r"\bOut:|\bleaves?\b", docstring), "what leaves"
    assert re.search(r"\bimports?\b", docstring), "what may be imported"


_SPLIT = ("core", "adapters", "core/wire", "core/records")
_TOP = {folder.name for folder in _FOLDERS + _TOOLS} | {"tests"}
# The clause of a docstring that lists the imports of its package.
_IMPORTS: Final = re.compile(
    r"\b(?:(?:It|it|[Tt]h(?:e|is) package|This one) (?:may )?imports?|May import:?|Adapters import)\b"
    r"(.*?)(?=;|, (?:and|but) no\b|\.(?:\s|$))"
)


def _imports(package: Path) -> list[list[str]]:
    """The dotted names, split, that a package imports of the repository and not of itself."""
    own = ".".join(package.relative_to(ROOT).parts) + "."
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _TOP:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return [name.split(".") for name in found if not name.startswith(own)]


def _neighbours(package: Path) -> set[str]:
    """The packages and modules that a package imports. A neighbour within the same package counts
    by its own name.
    """
    above = package.parent.relative_to(ROOT).parts
    return {
        next(name for name, other in zip_longest(parts, above) if name != other)
        for parts in _imports(package)
    }


def _importers() -> list[Path]:
    """The packages of shared, the packages of those that are split, and the tests' two tools."""
    inner = [path for name in _SPLIT for path in _SHARED.glob(f"{name}/*/__init__.py")]
    packages = {path.parent for path in [*_SHARED.glob("*/__init__.py"), *inner]}
    return sorted(packages | {ROOT / "harness", ROOT / "prove"})


def _prose(package: Path) -> str:
    return " ".join(
        line for line in _docstring(package).splitlines() if not line.startswith("    ")
    )


@pytest.mark.parametrize("package", _importers(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_that_says_what_is_imported_says_all_of_it(package: Path) -> None:
    sentences = re.split(r"(?<=\.)\s", _prose(package))
    text = " ".join(sentence for sentence in sentences if re.search(r"\bimports?\b", sentence))
    assert sorted(_neighbours(package) - set(re.findall(r"\w+", text))) == []


@pytest.mark.parametrize("package", _importers(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_names_nothing_that_is_not_imported(package: Path) -> None:
    """The clause that lists its imports names no other package around it."""
    inside = [folder for folder in package.parents if folder.is_relative_to(_SHARED)]
    around = {name for folder in inside for name in _contents(folder)}
    clauses = " ".join(_IMPORTS.findall(_prose(package)))
    words = set(re.findall(r"\w+", clauses)) & ((around | _TOP) - {"shared", "core"})
    assert sorted(words - {part for parts in _imports(package) for part in parts}) == []


def _layers(contract_id: str) -> list[str]:
    """The layers of a contract that import-linter checks."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    (layers,) = (
        contract["layers"]
        for contract in tools["importlinter"]["contracts"]
        if contract["id"] == contract_id
    )
    return list(layers)


def test_the_decisions_count_packages_and_layers() -> None:
    page = (ROOT / "docs" / "explanation" / "decisions.md").read_text("utf-8")
    for contract, sentence in (
        ("app", "`shared/` has {} packages and modules in {} layers"),
        ("core", "`shared/core/` has {} packages and modules in {} layers"),
    ):
        layers = _layers(contract)
        count = sum(len(layer.split(" | ")) for layer in layers)
        assert sentence.format(count, len(layers)) in page


def test_the_architecture_names_every_package() -> None:
    """The packages of shared/ and of shared/core/ have a row each, those of shared/adapters/ share
    its row.
    """
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    folders = [path.parent for path in _SHARED.glob("*/__init__.py")]
    folders += [path.parent for path in _SHARED.glob("core/*/__init__.py")]
    names = sorted(str(folder.relative_to(ROOT)) for folder in folders if folder.name != "core")
    assert [name for name in names if f"| `{name}/` |" not in page] == []
    (row,) = [line for line in page.splitlines() if line.startswith("| `shared/adapters/` |")]
    adapters = sorted(path.parent.name for path in _SHARED.glob("adapters/*/__init__.py"))
    assert [name for name in adapters if f"`{name}`" not in row] == []


def test_the_architecture_draws_every_layer() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    layers = [layer.replace(" | ", " · ") for layer in _layers("app") + _layers("core")]
    beside = {"core · concurrency": "core", layers[0]: layers[0].removesuffix(" · adapters")}
    assert [layer for layer in layers if beside.get(layer, layer) not in page] == []


# A docstring that begins so has no subject.
_NO_SUBJECT: Final = re.compile(r"(What|Whatever|Who|Whoever|As|Of|And|Nor|Also|Those)\b")


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """The name and the docstring of a module, its classes and its functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield getattr(node, "name", "its module"), ast.get_docstring(node) or ""


_DOCUMENTED = [*_FOLDERS, *_TOOLS, _HOOKS, ROOT / "tests", ROOT / "conftest.py"]


@pytest.mark.parametrize("part", _DOCUMENTED, ids=lambda path: path.name)
def test_docstrings_begin_with_a_noun_or_a_verb(part: Path) -> None:
    """A docstring stands by itself, in tests as well: it does not continue a name."""
    offenders = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in [part, *sorted(part.rglob("*.py"))]
        if path.is_file()
        for name, docstring in _docstrings(path)
        if _NO_SUBJECT.match(docstring)
    ]
    assert offenders == []
