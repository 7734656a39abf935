"""The tree of exceptions in the module's docstring names every one, below its parent."""

from __future__ import annotations

import re

from shared import errors
from shared.errors import FnsseError


def _tree(root: type[FnsseError], depth: int = 0) -> list[tuple[int, str]]:
    children = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    return [
        (depth, root.__name__),
        *(line for child in children for line in _tree(child, depth + 1)),
    ]


def test_the_tree_names_every_exception() -> None:
    drawn = re.findall(r"^    ([ │├└─]*)(\w+)", errors.__doc__ or "", re.MULTILINE)
    assert [(len(branch) // 4, name) for branch, name in drawn] == _tree(FnsseError)
