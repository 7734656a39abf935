"""Every command of the tutorial, in its order, beside one `make run`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import http_client
from harness.waiting import poll_until
from local.repository import ROOT
from local.stack.ports import Ports
from tests.e2e.make_run import READY_WITHIN_S, MakeRun

_PAGE = ROOT / "docs" / "tutorial" / "first-steps.md"
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^## (\d+)\. ", re.MULTILINE)
_SAVE_AS = re.compile(r"save\s+this\s+as\s+`(\w+\.py)`", re.IGNORECASE)


@dataclass
class Tutorial:
    """The steps' code, for the ports and folders of this run."""

    run: MakeRun
    folder: Path

    def step(self, number: int) -> str:
        """The text of a step."""
        parts = _STEP.split(_PAGE.read_text("utf-8"))
        return dict(zip(parts[1::2], parts[2::2], strict=True))[str(number)]

    def code(self, number: int, language: str) -> str:
        """The step's one block in a language."""
        [code] = [text for name, text in _BLOCK.findall(self.step(number)) if name == language]
        ports, usual = self.run.ports, Ports()
        return (
            str(code)
            .replace(f"127.0.0.1:{usual.proxy}", f"127.0.0.1:{ports.proxy}")
            .replace("sb://127.0.0.1;", f"sb://127.0.0.1:{ports.event_hubs};")
            .replace(".venv/bin/python", sys.executable)
        )

    def start(self, number: int) -> subprocess.Popen[str]:
        """Run the step's shell commands."""
        return subprocess.Popen(
            ["bash", "-euc", self.code(number, "sh")],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # a shell ignores SIGINT if it inherits that, as from the background job of a script
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def output(self, number: int) -> str:
        """The output of the step's shell commands, when they end by themselves."""
        process = self.start(number)
        text, _ = process.communicate(timeout=READY_WITHIN_S)
        assert process.returncode == 0, text
        return text

    def save(self, number: int) -> None:
        """Save the step's Python file under the name that the step gives."""
        match = _SAVE_AS.search(self.step(number))
        assert match is not None
        (self.folder / match[1]).write_text(self.code(number, "python"))

    def events(self) -> list[dict[str, object]]:
        """The events that `make run` has saved."""
        files = (self.run.folder / "events").glob("*.json")
        return [json.loads(file.read_text("utf-8")) for file in files]

    def has_event(self, question: str, key: str, value: object) -> bool:
        """Whether an event about the question has that value."""
        return any(
            question in json.dumps(event["prompt"]) and event[key] == value
            for event in self.events()
        )


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tutorial]:
    folder = tmp_path_factory.mktemp("tutorial")
    run = MakeRun(folder)  # step 2
    run.until_it_says("Serving until Ctrl-C")
    yield Tutorial(run, folder)
    run.end()


def test_it_has_ten_steps_and_no_command_that_no_test_runs() -> None:
    steps = _STEP.findall(_PAGE.read_text("utf-8"))
    assert steps == [str(number) for number in range(1, 11)]
    commands: dict[str, list[str]] = {number: [] for number in steps}
    parts = _STEP.split(_PAGE.read_text("utf-8"))
    for number, text in zip(parts[1::2], parts[2::2], strict=True):
        commands[number] = [name for name, _ in _BLOCK.findall(text)]
    tried = {"2": ["sh"], "4": ["sh"], "5": ["python", "sh"], "6": ["python", "sh"]}
    tried |= {"7": ["sh"], "8": ["sh"], "9": ["sh"], "10": ["sh"]}
    assert commands == {number: tried.get(number, []) for number in steps}


def test_step_2_shows_what_it_says(tutorial: Tutorial) -> None:
    for text in re.findall(r"^\* .*?`([^`…]+)", tutorial.step(2), re.MULTILINE):
        assert text.strip() in tutorial.run.output()


def test_step_3_the_page_is_there(tutorial: Tutorial) -> None:
    page = http_client.call(f"http://127.0.0.1:{tutorial.run.ports.view}", "GET", "/")
    assert page.status == 200


def test_step_4_an_answer_comes_and_its_event(tutorial: Tutorial) -> None:
    assert "data: [DONE]" in tutorial.output(4)
    poll_until(
        lambda: tutorial.has_event("What does a proxy do?", "type", "stream_completion"),
        "its event",
    )


def test_step_5_an_sdk_needs_nothing_but_the_address(tutorial: Tutorial) -> None:
    tutorial.save(5)
    assert len(tutorial.output(5).split()) > 5
    poll_until(lambda: tutorial.has_event("Is anybody there?", "outcome", "completed"), "its event")


def test_step_6_events_are_read_by_a_consumer(tutorial: Tutorial) -> None:
    tutorial.save(6)
    process = tutorial.start(6)
    assert process.stdout is not None
    event = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=READY_WITHIN_S)
    assert {"prompt", "content", "usage", "outcome"} <= event.keys()


def test_step_7_a_disconnect_is_recorded(tutorial: Tutorial) -> None:
    process = tutorial.start(7)
    assert process.stdout is not None
    while '"content"' not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=READY_WITHIN_S)
    poll_until(
        lambda: tutorial.has_event("Tell me a story", "outcome", "client_disconnected"), "its event"
    )


def test_step_8_a_refusal_comes_as_the_upstream_sent_it(tutorial: Tutorial) -> None:
    output = tutorial.output(8)
    assert " 429 " in output.splitlines()[0] or "429" in output
    assert "retry-after: 7" in output.lower()
    poll_until(lambda: tutorial.has_event("Hello", "type", "error"), "its event")


def test_steps_9_and_10_are_targets_of_make(tutorial: Tutorial) -> None:
    """Both are tried in test_stack.py and test_health.py: a drill takes half a minute."""
    targets = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for number in (9, 10):
        assert f"{tutorial.code(number, 'sh').strip()} " in targets
