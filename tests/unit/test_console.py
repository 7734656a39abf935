"""What the terminal of `make run` shows of the parts' output."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from local.console import Console, readable


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("ready: Azure OpenAI stand-in on http://127.0.0.1:8081", "ready: Azure OpenAI stand-in on http://127.0.0.1:8081"),
        ("[2026-11-23T14:20:22.626Z] Job host started", "14:20:22 Job host started"),
        ("    raise ValueError", "    raise ValueError"),
        ("[2026-11-23T14:20:22.626Z]    at Microsoft.Azure.WebJobs", "14:20:22    at Microsoft.Azure.WebJobs"),
        (
            "	openai: [GET,POST] http://localhost:7071/openai/{*path}",
            "	openai: [GET,POST] http://localhost:7071/openai/{*path}",
        ),
        (
            "[2026-11-23T14:20:22.626Z] Executed 'Functions.openai' (Failed, Id=1)",
            "14:20:22 Executed 'Functions.openai' (Failed, Id=1)",
        ),
    ],
)
def test_lines_that_tell_something_are_shown_with_the_time_alone(line: str, shown: str) -> None:
    assert readable(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[2026-11-23T14:20:22.626Z] ",
        "[2026-11-23T14:20:22.626Z] {",
        '[2026-11-23T14:20:22.626Z]   "version": "2.0",',
        "[2026-11-23T14:20:22.626Z]   ]",
        "[2026-11-23T14:20:22.626Z] LoggerFilterOptions",
        "[2026-11-23T14:20:22.626Z] Executing HTTP request: {",
        "[2026-11-23T14:20:22.626Z] Executing 'Functions.openai' (Reason='...', Id=1)",
        "[2026-11-23T14:20:22.626Z] Executed 'Functions.health' (Succeeded, Id=1)",
    ],
)
def test_dumps_and_chatter_are_left_to_the_log_files(line: str) -> None:
    assert readable(line) is None


def test_parts_lines_carry_their_name_and_the_log_has_them_all(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path / "logs", out)
    console.part_line("azurite", "listening")
    console.part_line("azurite", "{")
    console.close()
    assert out.getvalue() == "azurite        | listening\n"
    assert (tmp_path / "logs" / "azurite.log").read_text() == "listening\n{\n"


def test_lines_that_come_while_an_answer_streams_follow_it(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out)
    with console.streaming() as write:
        write("Hel")
        console.part_line("functions_host", "busy")
        write("lo")
    console.close()
    assert out.getvalue() == "Hello\nfunctions_host | busy\n"


def test_a_reader_that_left_does_not_stop_the_run(tmp_path: Path) -> None:
    """make run | head: the parts must still be ended in order."""
    reader, writer = os.pipe()
    os.close(reader)
    console = Console(tmp_path, os.fdopen(writer, "w", buffering=1))
    console.line("nobody reads this")
    console.line("nor this")
    console.close()
