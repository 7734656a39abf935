"""Record a real `make run` and `make ask` in a terminal, as an animated SVG for the docs.

Run it after a change of what they print, and look at what it took:
    .venv/bin/python -m tests.page.terminal docs/images/terminal.svg
It starts what both start once everything is installed, on the ports of `make run` if they are free.
Pauses are shortened.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from local.repository import ROOT
from local.stack import Ports, free_ports
from local.stack.ports import WHAT_LISTENS, is_free

PROMPT: Final = "In one sentence: what does a proxy do?"
_COLUMNS: Final = 118
_LONGEST_PAUSE_S: Final = 1.2
_TYPED_S: Final = 0.045  # a key
_READY: Final = "Ctrl-C"
_WITHIN_S: Final = 300

_CODE: Final = re.compile(r"\x1b\[([\d;]*)m|\x1b\[[\d;?]*[A-Za-z]")
_CLASSES: Final = {"1": "b", "2": "f", "31": "r", "32": "g", "33": "y", "36": "c"}

_CHARACTER: Final = 7.8  # px, of a monospaced font of 13 px
_LINE: Final = 18
_EDGE: Final = 16
_STYLE: Final = """
.w { fill: #14171d }
text { font: 13px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #e4e7ee; white-space: pre }
.b { font-weight: 700 } .f { fill: #99a2b2 } .c { fill: #8fb0ff }
.r { fill: #ff8a84 } .g { fill: #5fcb93 } .y { fill: #e5b454 }
.p { visibility: hidden; animation: s 0.01s forwards } @keyframes s { to { visibility: visible } }
@media (prefers-reduced-motion: reduce) { .p { visibility: visible; animation: none } }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """The text that a program printed at one time, seconds after the recording began."""

    at_s: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TerminalText:
    """Text of one line and one style."""

    at_s: float
    row: int
    column: int
    text: str
    style: str


class Program:
    """A program in a terminal of its own."""

    def __init__(self, *command: str) -> None:
        self._terminal, inner = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**environment, "TERM": "xterm-256color", "COLUMNS": str(_COLUMNS)},
            start_new_session=True,
        )
        os.close(inner)

    def output(self, is_over: Callable[[str], bool]) -> Iterator[Output]:
        """The text that it prints, until that is over or the program ends."""
        began, printed = time.monotonic(), ""
        while not is_over(printed):
            if time.monotonic() - began > _WITHIN_S:
                raise TimeoutError(printed)
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # it has ended, and so has its side of the terminal
                return
            text = data.decode("utf-8", "replace")
            printed += text
            yield Output(at_s=time.monotonic() - began, text=text)

    def end(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        os.close(self._terminal)


def type_command(command: str, before: str = "") -> Iterator[Output]:
    """Yield a command line as someone types it."""
    yield Output(at_s=0, text=f"{before}\x1b[32m$\x1b[0m ")
    for number, key in enumerate(command, start=1):
        yield Output(at_s=0.4 + number * _TYPED_S, text=key)
    yield Output(at_s=0.8 + len(command) * _TYPED_S, text="\r\n")


def join(parts: Iterable[Iterable[Output]], *, hidden: str) -> Iterator[Output]:
    """One after the other, on one clock, with short pauses. `hidden`: a folder that is shown as if
    it were the default one.
    """
    now = 0.0
    for part in parts:
        before = 0.0
        for output in part:
            now += min(output.at_s - before, _LONGEST_PAUSE_S)
            before = output.at_s
            text = output.text.replace(f" FOLDER={hidden}", "").replace(hidden, ".local")
            yield Output(at_s=now, text=text)


def pieces(outputs: Iterable[Output]) -> Iterator[TerminalText]:
    """The texts with their places on the screen."""
    row = column = 0
    style = ""
    for output in outputs:
        for text, code in _tokens(output.text):
            if code is not None:
                style = " ".join(filter(None, map(_CLASSES.get, code.split(";"))))
                continue
            for part in re.split(r"(\n)", text.replace("\r", "")):
                if part == "\n":
                    row, column = row + 1, 0
                    continue
                while part:
                    if column >= _COLUMNS:
                        row, column = row + 1, 0
                    visible_part, part = part[: _COLUMNS - column], part[_COLUMNS - column :]
                    yield TerminalText(
                        at_s=output.at_s, row=row, column=column, text=visible_part, style=style
                    )
                    column += len(visible_part)


def _tokens(text: str) -> Iterator[tuple[str, str | None]]:
    """Texts, and the codes of styles between them."""
    end = 0
    for code in _CODE.finditer(text):
        yield text[end : code.start()], None
        if code[1] is not None:
            yield "", code[1]
        end = code.end()
    yield text[end:], None


def svg(pieces: list[TerminalText]) -> str:
    """The picture. It plays once; who wants less motion sees its end at once."""
    width = round(_COLUMNS * _CHARACTER + 2 * _EDGE)
    height = (max(piece.row for piece in pieces) + 1) * _LINE + 2 * _EDGE
    texts = "\n".join(
        f'<text class="p {piece.style}" x="{_EDGE + piece.column * _CHARACTER:.1f}" '
        f'y="{_EDGE + piece.row * _LINE + 13}" textLength="{len(piece.text) * _CHARACTER:.1f}" '
        f'style="animation-delay:{piece.at_s:.2f}s">{escape(piece.text)}</text>'
        for piece in pieces
        if piece.text.strip()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>make run, then make ask, in a terminal</title>'
        f'<style>{_STYLE}</style><rect class="w" width="{width}" height="{height}" rx="10"/>\n'
        f"{texts}\n</svg>\n"
    )


def record() -> Iterator[Output]:
    """Both commands."""
    with tempfile.TemporaryDirectory(prefix="fnsse-terminal-") as folder:
        default = Ports().by_name()
        chosen = default if all(map(is_free, default.values())) else free_ports().by_name()
        ports = [
            text
            for name, port in chosen.items()
            for text in (f"--{WHAT_LISTENS[name][1]}", str(port))
        ]
        own = ("--folder", folder)
        run = Program("local.run", *own, "--settings", f"{folder}/none.json", *ports)
        try:
            serving = list(run.output(lambda printed: _READY in printed))
            ask = Program("local.ask", PROMPT, *own)
            answered = list(ask.output(lambda _printed: False))
            ask.process.wait(timeout=60)
        finally:
            run.end()
        command = f'make ask PROMPT="{PROMPT}"'
        yield from join(
            (type_command("make run"), serving, type_command(command, "\n"), answered),
            hidden=folder,
        )


def main(file: Path) -> None:
    """Write the picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(svg([*pieces(record())]), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
