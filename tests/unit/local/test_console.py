"""The lines of the parts' output that the terminal of `make run` shows."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from local.run.console import Console, problem


def test_parts_lines_carry_their_name_and_the_log_has_them_all(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path / "logs", out)
    console.part_line("azurite", "ERROR: no port")
    console.part_line("azurite", "{")
    console.close()
    assert out.getvalue() == "azurite        | ERROR: no port\n"
    assert (tmp_path / "logs" / "azurite.log").read_text() == "ERROR: no port\n{\n"


def test_lines_that_come_within_a_paragraph_follow_it(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out)
    with console.holding():
        console.write("Hel")
        console.part_line("functions_host", "ERROR: busy")
        console.write("lo\n")
        console.release()
        console.line("Next")
        console.part_line("functions_host", "ERROR: free")
    console.close()
    assert (
        out.getvalue()
        == "Hello\nfunctions_host | ERROR: busy\nNext\nfunctions_host | ERROR: free\n"
    )


def test_a_closed_output_does_not_stop_the_run(tmp_path: Path) -> None:
    """make run | head: the parts must still be ended in order."""
    reader, writer = os.pipe()
    os.close(reader)
    out = os.fdopen(writer, "w", buffering=1)
    console = Console(tmp_path, out)
    console.line("nobody reads this")
    console.line("nor this")
    console.close()
    with pytest.raises(BrokenPipeError):  # which it would raise when it is freed
        out.close()


AT = "[2026-11-23T14:20:22.626Z] "


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"{AT}WARNING: 3 events failed", "14:20:22 WARNING: 3 events failed"),
        (
            f"{AT}ERROR: Executed 'Functions.x' (Failed)",
            "14:20:22 ERROR: Executed 'Functions.x' (Failed)",
        ),
        ("WARNING:  Invalid HTTP request received.", "WARNING:  Invalid HTTP request received."),
        ("CRITICAL: no memory", "CRITICAL: no memory"),
        (
            f"{AT}Executed 'Functions.x' (Failed, Id=1)",
            "14:20:22 Executed 'Functions.x' (Failed, Id=1)",
        ),
    ],
)
def test_a_problem_is_printed_with_its_time(line: str, text: str) -> None:
    """A level, or func's line about an execution that failed."""
    assert problem(line) == text


@pytest.mark.parametrize(
    "line",
    [
        "",
        AT,
        f"{AT}{{",
        f"{AT}Executing 'Functions.openai' (Reason='...', Id=1)",
        f"{AT}Executed 'Functions.openai' (Succeeded, Id=1)",
        f'{AT}Delivered {{"events": 1, "failed": 0}}',
        f"{AT}Error response [1] 404 The specified container does not exist. (00.0s)",
        "Traceback (most recent call last):",
        "    raise DeliveryError(why) from error",
        "KeyError: 'id'",
        "ready: Azure OpenAI stand-in on http://127.0.0.1:8081",
    ],
)
def test_everything_else_is_left_to_the_log_files(line: str) -> None:
    assert problem(line) is None


def test_verbose_shows_every_line_whole(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out, verbose=True)
    line = AT + "x" * 1000
    console.part_line("functions_host", line)
    console.close()
    assert out.getvalue() == f"functions_host | {line}\n"


def test_a_long_problem_is_cut_with_a_sign() -> None:
    text = problem("WARNING: " + "x" * 1000)
    assert text is not None
    assert len(text) < 200
    assert text.endswith(" …")
