"""`make ask` and `make events`: what they print, without a stack."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from local.events import __main__ as events
from local.events.colour import has_colours, of_outcome, paint
from local.events.printer import EventPrinter
from local.events.text import summary
from local.running import find_event_hub_settings
from local.stack import StackError
from shared.core.wire.json.json_shape import JsonObject
from tests.unit.local.fake_terminal import FakeTerminal
from tests.unit.view.events import receive, sample_event, sample_id
from view.filters import parse


@pytest.fixture(autouse=True)
def no_colour_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


async def print_line(line: str, out: io.StringIO, *, as_json: bool = False) -> list[str]:
    printer = EventPrinter(parse(line, now_ms=0), out, as_json=as_json)
    foreign: JsonObject = {"foreign": True}
    arrived = receive(sample_event(1), sample_event(2, outcome="timed_out"), foreign)
    await printer.take(arrived, {})
    return out.getvalue().rstrip("\n").split("\n") if out.getvalue() else []


@pytest.mark.anyio
async def test_each_event_is_a_line() -> None:
    """Another producer's event on a shared hub has none."""
    lines = await print_line("", io.StringIO())
    assert [sample_id(1) in lines[0], sample_id(2) in lines[1], len(lines)] == [True, True, 2]


@pytest.mark.anyio
async def test_the_pages_filter_chooses_the_events() -> None:
    assert len(await print_line('outcome:!completed "say hello"', io.StringIO())) == 1
    assert await print_line('"nothing like it"', io.StringIO()) == []


@pytest.mark.anyio
async def test_json_is_the_whole_event() -> None:
    """It is for pipes: never coloured, not even on a terminal."""
    [line] = await print_line("outcome:completed", FakeTerminal(), as_json=True)
    assert json.loads(line) == sample_event(1)


@pytest.mark.anyio
async def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with NO_COLOR gets none."""
    assert "\033[31m200 timed_out\033[0m" in (await print_line("", FakeTerminal()))[1]
    assert "\033" not in "".join(await print_line("", io.StringIO()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in "".join(await print_line("", FakeTerminal()))
    assert not has_colours(FakeTerminal())


@pytest.mark.parametrize(
    ("outcome", "colour"),
    [("completed", "32"), ("client_disconnected", "33"), ("aborted", "31"), ("timed_out", "31")],
)
def test_an_outcome_has_its_colour_and_its_word(outcome: str, colour: str) -> None:
    event = sample_event(outcome=outcome)
    assert of_outcome(event) == colour
    assert outcome in summary(event)
    assert f"\033[{colour}m" in summary(event, paint)


def test_a_filter_that_cannot_be_read_is_shown_with_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert events.main(["outcome:a outcom:b"]) == 2
    message, line, mark = capsys.readouterr().err.splitlines()
    assert 'did you mean "outcome"' in message
    assert (line.strip(), mark.index("^") - 2) == ("outcome:a outcom:b", 10)


def test_without_a_run_and_an_event_hub_the_remedy_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AZURE_EVENTHUB_CONN_STR", "AZURE_EVENTHUB_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    assert events.main(["--folder", str(tmp_path)]) == 1
    assert "start `make run`" in capsys.readouterr().err


def test_the_environments_event_hub_goes_before_a_run(tmp_path: Path) -> None:
    environment = {"AZURE_EVENTHUB_NAMESPACE": "ns"}
    assert find_event_hub_settings(tmp_path, environment) is environment
    with pytest.raises(StackError):
        find_event_hub_settings(tmp_path, {"AZURE_EVENTHUB_CONN_STR": " "})
