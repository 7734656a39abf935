"""A function of the tools and the tests is named by a verb, or by a noun for what it returns.

The app is not held to it: most of its participles name an input by what happened, such as
`cancelled`, and the rule cannot tell these from others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from local.repository import ROOT
from tests.repository.python_files import python_files

_FOLDERS: Final = ("view", "emulators", "local", "harness", "bench", "prove", "tests", "infra")
_PARTICIPLE: Final = re.compile(
    r"_*(?!(?:embed|feed|need|proceed|seed|succeed)$)"
    r"(?:[a-z0-9]+ed|broken|built|caught|found|given|held|kept|lost|said|sent|shown|written)"
)
_ADJECTIVES: Final = {"unauthorized"}  # the name of HTTP for its status 401


def _participles(source: str) -> Iterator[str]:
    """The participles that name functions. A property may have one: it states a condition."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if (
                _PARTICIPLE.fullmatch(node.name)
                and node.name not in _ADJECTIVES
                and "property" not in decorators
            ):
                yield node.name


def test_no_function_is_named_by_a_participle_alone() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in python_files(*_FOLDERS)
        for name in _participles(path.read_text("utf-8"))
    }
    assert found == set()


def test_participles_are_found() -> None:
    source = (
        "def merged(): ...\n"
        "class Log:\n"
        "    async def _sent(self): ...\n"
        "    @property\n"
        "    def ended(self): ...\n"
        "    def feed(self): ...\n"
        "    def sent_events(self): ...\n"
    )
    assert list(_participles(source)) == ["merged", "_sent"]
