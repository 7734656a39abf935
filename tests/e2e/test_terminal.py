"""`make ask`, `make events` and `make export` beside a stack."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest

from harness.waiting import poll_until_async
from local.ask import ask
from local.events.printer import EventPrinter, follow
from local.export.__main__ import main as export_main
from local.folder import alone_in
from local.operate.__main__ import main as operate_main
from local.running import announce, describe
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone
from view.filters import parse
from view.options import event_hub_of

pytestmark = on_embedded_alone


def ask_stack(stack: Stack, prompt: str, deployment: str = "gpt-4o") -> tuple[bool, list[str]]:
    out = io.StringIO()
    is_whole = ask(describe(stack), prompt, deployment, out)
    return is_whole, out.getvalue().splitlines()


def test_an_answer_is_followed_by_its_events_line(stack: Stack) -> None:
    is_whole, lines = ask_stack(stack, "In one sentence: what does a proxy do?")
    assert is_whole
    assert len(lines[0].split()) > 5
    assert lines[1].startswith("(The stand-in for Azure OpenAI answered")
    assert "200 completed" in lines[2]
    exchange_id = lines[2].split()[-1]
    assert lines[3] == f"{stack.view_url}/?open={exchange_id}"


@pytest.mark.parametrize(
    ("directives", "error", "outcome"),
    [
        ("--status=429,retry_after=7", "429: ", "429 upstream_error"),
        ("--close_after=5", "upstream_interrupted: ", "200 upstream_interrupted"),
    ],
    ids=["refused", "broken"],
)
def test_an_error_is_named_and_its_event_shown(
    stack: Stack, directives: str, error: str, outcome: str
) -> None:
    is_whole, lines = ask_stack(stack, "Hello", f"gpt-4o{directives}")
    assert not is_whole
    assert any(line.startswith(error) for line in lines[:-2]), lines
    assert outcome in lines[-2]


@pytest.mark.anyio
async def test_events_are_printed_as_they_arrive(stack: Stack) -> None:
    """All that the filter matches are printed, whenever they were sent."""
    out = io.StringIO()
    printer = EventPrinter(parse('"tail this"', now_ms=0), out, as_json=False)
    address = event_hub_of(describe(stack).event_hub_settings, "$Default")
    following = asyncio.create_task(follow(address, printer, since_minutes=None))
    try:
        await asyncio.to_thread(ask_stack, stack, "Not this one")
        await asyncio.to_thread(ask_stack, stack, "Tail this one")
        await poll_until_async(lambda: out.getvalue().endswith("\n"), "a line is printed")
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    [line] = out.getvalue().splitlines()
    assert "200 completed" in line


def test_an_exchange_is_exported(stack: Stack, tmp_path: Path) -> None:
    """The captures are those of the run that the folder names."""
    _, lines = ask_stack(stack, "Export this one")
    file = tmp_path / "evaluation.jsonl"
    running = describe(stack)
    with alone_in(tmp_path), announce(tmp_path, running):
        assert export_main(["--folder", str(tmp_path), '"export this one"']) == 0
    [row] = map(json.loads, file.read_text("utf-8").splitlines())
    assert row["exchange_id"] == lines[-2].split()[-1]
    assert [message["role"] for message in row["messages"]] == ["user", "assistant"]


def test_runs_of_replay_and_erase_are_followed(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They run on the app of the run that the folder names. The app says what is wrong with a
    request.
    """
    _, lines = ask_stack(stack, "Replay this one")
    selection = ["--folder", str(tmp_path), "--ids", lines[-2].split()[-1]]
    with alone_in(tmp_path), announce(tmp_path, describe(stack)):
        assert operate_main(["replay", *selection]) == 0
        assert operate_main(["erase", *selection, "--confirm"]) == 0
        assert operate_main(["replay", "--folder", str(tmp_path), "--ids", "none"]) == 1
    shown = capsys.readouterr()
    assert "replay Completed, 1 of 1 hours, 1 queued, " in shown.out
    assert "dry run Completed, 1 of 1 parts, 1 searched, 1 matched, " in shown.out
    assert '"erased": 1' in shown.out
    assert shown.err.startswith("fnsse: invalid_replay: ")
