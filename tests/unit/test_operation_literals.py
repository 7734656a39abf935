"""The app's knowledge of an operation stands in the table alone: no other source names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.repository import ROOT
from shared.core.wire.operations import OPERATIONS

_TABLE: Final = ROOT / "shared" / "core" / "wire" / "operations.py"
_SOURCES: Final = [
    path
    for folder in ("shared", "view", "blueprints")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".js"}
    and path != _TABLE
    and not {"vendor", "node_modules"} & {*path.parts}
]
_NAMES: Final = {spec.name for spec in OPERATIONS}
_ROUTES: Final = {spec.route.partition("/{}")[0] for spec in OPERATIONS if spec.route}
# a route of one segment is a word like any other; next to a slash it is part of a path
_PATH: Final = re.compile(
    "|".join(
        route if "/" in route else rf"/{route}(?![\w-])|(?<![\w-]){route}/"
        for route in sorted(map(re.escape, _ROUTES))
    )
)
_ALLOWED: Final = {
    ("shared/core/conversation/media.py", "embeddings"): "a key of the event",
    ("shared/core/wire/gen_ai.py", "embeddings"): "a name of OpenTelemetry's conventions",
    ("view/page/filter/filter_line.js", "completions"): "the id of an element of the page",
}


def _literals(path: Path) -> Iterator[str]:
    """The texts of a module: in Python those that are not docstrings, parts of f-strings too."""
    source = path.read_text("utf-8")
    if path.suffix == ".js":
        yield from re.findall(r"""["'`]([^"'`\n]*)["'`]""", source)
        return
    tree = ast.parse(source)
    prose = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings are expressions of their own
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in prose:
            value = node.value
            yield value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _names_an_operation(literal: str) -> bool:
    return literal in _NAMES or _PATH.search(literal) is not None


def test_no_source_names_an_operation_outside_the_table() -> None:
    """A literal that is the name of an operation, or that holds its route, belongs in a field of
    its row.
    """
    literals = {
        (str(path.relative_to(ROOT)), literal)
        for path in _SOURCES
        for literal in _literals(path)
        if _names_an_operation(literal)
    }
    assert literals == set(_ALLOWED)


def test_names_and_paths_are_recognised() -> None:
    """Words that are parts of longer ones are not."""
    for literal in ("audio.speech", "/openai/responses", "/chat/completions?api-version="):
        assert _names_an_operation(literal)
    for literal in ("batch", "responses_total", "/captures/embeddings-2/"):
        assert not _names_an_operation(literal)
