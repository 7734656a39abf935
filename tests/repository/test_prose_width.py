"""Comments and prose keep to 100 columns in every file of the repository, and all JavaScript."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from local.repository import ROOT

_COLUMNS: Final = 100
# How a line that is only a comment begins, by the ending or the name of its file.
_HASH: Final = re.compile(r"^\s*#")
_SLASHES: Final = re.compile(r"^\s*(?://|/\*|\*)")
_COMMENTS: Final = {
    ".bicep": _SLASHES,
    ".bicepparam": _SLASHES,
    ".kql": re.compile(r"^\s*//"),
    ".js": _SLASHES,
    ".mjs": _SLASHES,
    ".css": _SLASHES,
    ".py": _HASH,
    ".sh": _HASH,
    ".toml": _HASH,
    ".in": _HASH,
    ".yml": _HASH,
    ".yaml": _HASH,
    "Makefile": _HASH,
    "install": _HASH,
    "install_hooks": _HASH,
    "uninstall_hooks": _HASH,
    "javascript": _HASH,
    "run": _HASH,
    ".funcignore": _HASH,
    ".gitignore": _HASH,
    ".gitattributes": _HASH,
}
# A comment that cannot be wrapped: one word, such as an address.
_UNBREAKABLE: Final = re.compile(r"^\s*(?:#|//|/?\*)\s*(?:\S+|yaml-language-server: \S+)$")


def _tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _comment_lines(name: str) -> Iterator[tuple[int, str]]:
    path = PurePath(name)
    if path.suffix in {".xml", ".html", ".svg"}:
        yield from _markup_comments((ROOT / name).read_text("utf-8"))
    elif begins := _COMMENTS.get(path.suffix or path.name) or _COMMENTS.get(path.name):
        for number, line in _lines(name):
            if begins.match(line) and not _UNBREAKABLE.match(line):
                yield number, line


def _markup_comments(text: str) -> Iterator[tuple[int, str]]:
    """The lines that a `<!-- … -->` touches."""
    for comment in re.finditer(r"<!--.*?-->", text, re.DOTALL):
        first = text.count("\n", 0, comment.start())
        last = text.count("\n", 0, comment.end())
        yield from enumerate(text.splitlines()[first : last + 1], first + 1)


def _help_texts() -> Iterator[tuple[int, str]]:
    """The texts that `make help` prints of targets, which stand after `##` in the Makefile."""
    for number, line in _lines("Makefile"):
        if re.match(r"^[a-z0-9]+:.*##", line):
            yield number, line


def _lines(name: str) -> Iterator[tuple[int, str]]:
    yield from enumerate((ROOT / name).read_text("utf-8").splitlines(), 1)


def _too_long(lines: Iterator[tuple[int, str]]) -> list[int]:
    return sorted({number for number, line in lines if len(line) > _COLUMNS})


def test_every_comment_keeps_to_the_line_length() -> None:
    files = _tracked_files()
    assert len(files) > 500
    long = {name: numbers for name in files if (numbers := _too_long(_comment_lines(name)))}
    assert long == {}


def test_every_line_of_javascript_keeps_to_the_line_length() -> None:
    """The formatter does not break what stands in templates and strings."""
    modules = [name for name in _tracked_files() if PurePath(name).suffix in {".js", ".mjs"}]
    assert len(modules) > 50
    long = {name: numbers for name in modules if (numbers := _too_long(_lines(name)))}
    assert long == {}


def test_every_help_text_of_make_keeps_to_the_line_length() -> None:
    assert _too_long(_help_texts()) == []
