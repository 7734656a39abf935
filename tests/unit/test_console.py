"""What the terminal of `make run` shows of the parts' output."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from local.console import Console


def test_parts_lines_carry_their_name_and_the_log_has_them_all(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path / "logs", out)
    console.part_line("azurite", "listening")
    console.part_line("azurite", "{")
    console.close()
    assert out.getvalue() == "azurite        | listening\n"
    assert (tmp_path / "logs" / "azurite.log").read_text() == "listening\n{\n"


def test_lines_that_come_within_a_paragraph_follow_it(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out)
    with console.holding():
        console.write("Hel")
        console.part_line("functions_host", "busy")
        console.write("lo\n")
        console.release()
        console.line("Next")
        console.part_line("functions_host", "free")
    console.close()
    assert out.getvalue() == "Hello\nfunctions_host | busy\nNext\nfunctions_host | free\n"


@pytest.mark.parametrize(
    "said", ["Executed 'Functions.openai' (Succeeded, Id=1)", 'Delivered {"events": 1}']
)
def test_that_a_call_succeeded_is_not_said_beside_its_answer(tmp_path: Path, said: str) -> None:
    """Within the demonstration; afterwards it is, and the log file always has it."""
    succeeded = f"[2026-11-23T14:20:22.626Z] {said}"
    out = io.StringIO()
    console = Console(tmp_path, out)
    with console.holding():
        console.part_line("functions_host", succeeded)
    assert out.getvalue() == ""
    console.part_line("functions_host", succeeded)
    console.close()
    assert out.getvalue() == f"functions_host | 14:20:22 {said}\n"
    assert (tmp_path / "functions_host.log").read_text() == f"{succeeded}\n{succeeded}\n"


def test_a_failure_that_is_kept_back_is_shown_at_the_end_at_the_latest(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out)
    console.part_line("functions_host", "ERROR: Executed 'Functions.enrichment' (Failed, Id=1)")
    console.part_line("functions_host", "KeyError: 'id'")
    console.close()
    assert out.getvalue().splitlines()[-1] == "functions_host | KeyError: 'id'"


def test_a_reader_that_left_does_not_stop_the_run(tmp_path: Path) -> None:
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
