"""A word in backticks in a function's docstring is in its module, so no renamed parameter stays."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from local.repository import ROOT
from tests.repository.python_files import python_files

_FOLDERS: Final = (
    "blueprints", "shared", "view", "emulators", "local", "harness", "bench", "prove", "infra/hooks",
)  # fmt: skip
_WORD: Final = re.compile(r"`([a-z_][a-z0-9_]*)`")
# Values and names of others: of APIs, libraries, tools, SQL and the stand-in.
_OF_OTHERS: Final = frozenset(
    {
        "anyio", "auto", "common", "content_filter_offsets", "done", "en", "erase", "exchanges",
        "func", "gzip", "include_usage", "local", "n", "none", "person", "prompt_filter_results",
        "required", "response_format", "true",
    }
)  # fmt: skip


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str()) as docstring):
                    yield docstring


def _unknown_words(source: str) -> list[str]:
    """The words that the module has in docstrings of functions alone."""
    docstrings = list(_docstrings(ast.parse(source)))
    documentation = {
        line for text in docstrings for line in range(text.lineno, (text.end_lineno or 0) + 1)
    }
    code = [
        line for number, line in enumerate(source.splitlines(), 1) if number not in documentation
    ]
    known = set(re.findall(r"\w+", "\n".join(code))) | _OF_OTHERS
    words = (word for text in docstrings for word in _WORD.findall(str(text.value)))
    return [word for word in words if word not in known]


@pytest.mark.parametrize("folder", _FOLDERS)
def test_a_docstring_names_what_is_in_its_module(folder: str) -> None:
    unknown = {
        str(path.relative_to(ROOT)): words
        for path in python_files(folder)
        if (words := _unknown_words(path.read_text("utf-8")))
    }
    assert unknown == {}


def test_a_renamed_parameter_is_found() -> None:
    source = (
        'def half(amount):\n    """Half of `number`, not of `amount`."""\n    return amount / 2\n'
    )
    assert _unknown_words(source) == ["number"]
