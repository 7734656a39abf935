"""A search for the name of a class finds one class."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from local.repository import ROOT
from tests.repository.python_files import python_files

_FOLDERS: Final = (
    "blueprints", "shared", "view", "emulators", "local", "harness", "bench", "prove", "tests",
    "infra",
)  # fmt: skip
_DEFINITION: Final = re.compile(r"^ *(?:class (\w+)[(:\[]|type (\w+)\b.*=)", re.MULTILINE)


def _doubled_names(sources: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The names that several modules, or one of them twice, give to a class or to a type, with
    those modules. `sources` are names of modules with their text.
    """
    modules = defaultdict(list)
    for module, text in sources:
        for names in _DEFINITION.findall(text):
            modules["".join(names)].append(module)
    return {name: found for name, found in modules.items() if len(found) > 1}


def test_no_two_classes_have_one_name() -> None:
    paths = python_files(*_FOLDERS)
    sources = ((str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in paths)
    assert _doubled_names(sources) == {}


def test_doubled_names_are_found() -> None:
    sources = [
        ("one", "class Hub:\nclass Relay(Hub):\n"),
        ("two", "    class Hub[T]:\ntype Relay = int\ntype Only = str\n"),
    ]
    assert _doubled_names(sources) == {"Hub": ["one", "two"], "Relay": ["one", "two"]}
