"""docs/reference/view-filters.md and the filter line say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from view.filters import parse
from view.filters.grammar import MAX_LINE, MAX_TERMS
from view.filters.keys import KEYS, ValueKind

_PAGE: Final = (Path(__file__).parents[2] / "docs/reference/view-filters.md").read_text("utf-8")
_KINDS: Final = {
    ValueKind.TEXT: "text",
    ValueKind.COUNT: "number",
    ValueKind.DURATION: "duration",
    ValueKind.TIME: "time",
    ValueKind.FLAG: "yes or no",
}


def test_every_key_has_its_row() -> None:
    """Name, aliases, kind of values and meaning, in the order of the table in the code."""
    rows = [
        f"| `{key.name}` | {', '.join(f'`{alias}`' for alias in key.aliases)} | "
        f"{_KINDS[key.kind]} | {key.meaning} |".replace("|  |", "| |")
        for key in KEYS
    ]
    documented = _PAGE[_PAGE.index("| key | or |") :].splitlines()[2:]
    assert [line for line in documented if line.startswith("| `")] == rows


def test_every_example_is_read() -> None:
    terms = _PAGE[_PAGE.index("| term |") : _PAGE.index("## Keys")]
    rows = [line.split(" | ")[0] for line in terms.splitlines() if line.startswith("| `")]
    examples = [example for row in rows for example in re.findall(r"`([^`]+)`", row)]
    assert len(examples) > 10
    assert all(len(parse(example, now_ms=0)) == 1 for example in examples)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"at most {MAX_LINE}\ncharacters and {MAX_TERMS} terms" in _PAGE
