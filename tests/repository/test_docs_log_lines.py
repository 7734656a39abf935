"""docs/reference/log-lines.md explains every line that the app logs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from local.repository import ROOT

PAGE = (ROOT / "docs" / "reference" / "log-lines.md").read_text("utf-8")


def messages() -> Iterator[str]:
    """Every literal that the app logs with a logger of its own."""
    for folder in ("blueprints", "shared"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="_log")),
                        args=[ast.Constant(value=str(message)), *_],
                    ):
                        yield message


def fixed_text(message: str) -> str:
    """The longest part of a message without a value in it."""
    return max(re.split(r"%[sdrg]", message), key=len).strip(" :;,(")


def test_every_line_is_explained() -> None:
    """The page contains the longest fixed part of every log message."""
    texts = {fixed_text(message) for message in messages()} - {""}
    assert len(texts) > 8
    assert {text for text in texts if text not in PAGE} == set()
