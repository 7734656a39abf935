"""The lines of the parts' output that the terminal of `make run` shows."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from local.run.console import Console, brief, problem


def test_parts_lines_carry_their_name_and_the_log_has_them_all(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path / "logs", out)
    console.part_line("azurite", "listening failed")
    console.part_line("azurite", "{")
    console.close()
    assert out.getvalue() == "azurite        | listening failed\n"
    assert (tmp_path / "logs" / "azurite.log").read_text() == "listening failed\n{\n"


def test_lines_that_come_within_a_paragraph_follow_it(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(tmp_path, out)
    with console.holding():
        console.write("Hel")
        console.part_line("functions_host", "cannot: busy")
        console.write("lo\n")
        console.release()
        console.line("Next")
        console.part_line("functions_host", "ERROR: free")
    console.close()
    assert (
        out.getvalue()
        == "Hello\nfunctions_host | cannot: busy\nNext\nfunctions_host | ERROR: free\n"
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
    console._out.close()  # which it opened in its place
    with pytest.raises(BrokenPipeError):  # which it would raise when it is freed
        out.close()


AT = "[2026-11-23T14:20:22.626Z] "
WHY = "the Event Hub did not answer or refused: ConnectError"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            f"{AT}ERROR: Executed 'Functions.enrichment' (Failed, Id=1, Duration=706ms)",
            "14:20:22 ERROR: Executed 'Functions.enrichment' (Failed, Id=1, Duration=706ms)",
        ),
        (
            f"{AT}Executed 'Functions.reconcile' (Failed, Id=1)",
            "14:20:22 Executed 'Functions.reconcile' (Failed, Id=1)",
        ),
        (f"shared.errors.DeliveryError: {WHY}", f"shared.errors.DeliveryError: {WHY}"),
        (
            f"{AT}Exception: DeliveryError: {WHY}",
            f"14:20:22 Exception: DeliveryError: {WHY}",
        ),
        (
            f"{AT}Exchange 1 was given up by the queue; reconcile delivers it",
            "14:20:22 Exchange 1 was given up by the queue; reconcile delivers it",
        ),
        (
            f"{AT}The call 1 was rejected: 401 token_missing",
            "14:20:22 The call 1 was rejected: 401 token_missing",
        ),
        (
            f"{AT}The content policy: the blob holds none: the pattern `a` is rejected",
            "14:20:22 The content policy: the blob holds none: the pattern `a` is rejected",
        ),
        ("KeyError: 'id'", "KeyError: 'id'"),
    ],
)
def test_a_problem_is_printed_with_its_time(line: str, text: str) -> None:
    """A line that reports a problem is shown with its time alone."""
    assert problem(line) == text


@pytest.mark.parametrize(
    "line",
    [
        "",
        AT,
        f"{AT}{{",
        f'{AT}  "version": "2.0",',
        f"{AT}LoggerFilterOptions",
        f"{AT}Executing HTTP request: {{",
        f"{AT}Executing 'Functions.openai' (Reason='...', Id=1)",
        f"{AT}Executed 'Functions.openai' (Succeeded, Id=1)",
        f"{AT}Error response [1] 404 The specified container does not exist. (00.0s)",
        f"{AT}x-ms-error-code:ContainerNotFound",
        f"{AT}Job host started",
        f'{AT}Delivered {{"events": 1}}',
        "Traceback (most recent call last):",
        '  File "event_hub.py", line 111, in _translated',
        "    raise DeliveryError(why) from error",
        f"{AT}Stack: Traceback (most recent call last):",
        "The above exception was the direct cause of the following exception:",
        "ready: Azure OpenAI stand-in on http://127.0.0.1:8081",
    ],
)
def test_everything_else_is_left_to_the_log_files(line: str) -> None:
    assert problem(line) is None


def test_a_count_of_failures_in_a_report_is_not_a_problem() -> None:
    assert problem('[2026-11-27T08:22:04Z] Delivered {"events": 1, "failed": 0}') is None
    assert problem("[2026-11-27T08:22:04Z] 3 events failed") == "08:22:04 3 events failed"


@pytest.mark.parametrize(
    "line",
    [
        f"{AT}ERROR: Executed 'Functions.enrichment' (Failed, Id=1, Duration=706ms)",
        f"{AT}Exception: DeliveryError: {WHY}",
        f"shared.errors.DeliveryError: {WHY}",
        "KeyError: 'id'",
    ],
)
def test_details_of_a_problem_need_verbose(line: str, tmp_path: Path) -> None:
    """The host's additions to a problem are shown on request alone."""
    out, everything = io.StringIO(), io.StringIO()
    for console in (Console(tmp_path, out), Console(tmp_path, everything, verbose=True)):
        console.part_line("functions_host", line)
        console.close()
    assert out.getvalue() == ""
    assert everything.getvalue().startswith("functions_host | ")


def test_a_long_problem_is_cut_with_a_sign() -> None:
    text = brief("WARNING: " + "x" * 1000)
    assert text is not None
    assert len(text) < 200
    assert text.endswith(" …")
    assert brief("WARNING: short") == "WARNING: short"
