"""The imports and the content of the page's ES modules. Their own tests are beside this module."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.node import PAGE

_IMPORT = re.compile(
    r"""^(?:import|export)\b[^"]*?from "([^"]+)"|import\("([^"]+)"\)""", re.MULTILINE
)


def _modules() -> list[Path]:
    own = (path for path in PAGE.rglob("*.js") if not {"node_modules", "vendor"} & set(path.parts))
    return sorted(own)


def _import_map() -> dict[str, str]:
    text = (PAGE / "index.html").read_text()
    [source] = re.findall(r'<script type="importmap">(.*?)</script>', text, re.DOTALL)
    imports: dict[str, str] = json.loads(source)["imports"]
    return imports


def test_every_import_is_a_file_of_the_page_or_in_the_import_map() -> None:
    """There is no build step, so what a browser cannot resolve fails in the browser alone."""
    import_map = _import_map()
    for module in _modules():
        for own, dynamic in _IMPORT.findall(module.read_text()):
            name = own or dynamic
            resolves = (
                (module.parent / name).exists() if name.startswith(".") else name in import_map
            )
            assert resolves, f"{module.relative_to(PAGE)} imports {name}"


def test_vendored_files_are_those_of_the_import_map() -> None:
    """Each module that the page names is copied by local/install, and the style sheet of uPlot."""
    copied = {Path(line).name for line in (PAGE / "vendor.txt").read_text().splitlines()}
    named = {Path(address).name for address in _import_map().values()}
    assert copied == named | {"uPlot.min.css"}


def test_package_versions_are_pinned() -> None:
    """A range would let the same commit become another page."""
    packages = json.loads((PAGE / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in packages.values())


@pytest.mark.parametrize(
    "pattern", ["innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySet"]
)
def test_no_module_writes_markup(pattern: str) -> None:
    """Prompts and answers are shown as text: nothing turns a string into elements."""
    assert not [path.name for path in _modules() if pattern in path.read_text()]


def test_modules_are_small() -> None:
    """A module of more than 250 lines does more than one thing."""
    long = {path.name: len(path.read_text().splitlines()) for path in _modules()}
    assert not {name: lines for name, lines in long.items() if lines > 250}
