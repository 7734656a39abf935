"""The supervisor, on tiny processes in place of the real parts."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.waiting import poll_until
from local.repository import ROOT
from local.stack.errors import PartDied, PartNotReady
from local.stack.part import PartSpec, describe_end
from local.stack.processes import processes_of
from local.stack.supervisor import StackSupervisor

SERVES = "print('serving', flush=True); import time; time.sleep(60)"
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(60); print('ended by itself', flush=True)"
)
# A grandchild in a session of its own: no process group and no parent leads to it once its parent
# is gone.
HAS_A_WORKER = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', {SERVES!r}], start_new_session=True)
time.sleep(60)
"""


@pytest.fixture
def supervisor() -> Iterator[StackSupervisor]:
    with StackSupervisor() as running:
        yield running


def python(
    name: str,
    code: str,
    *,
    ready: Callable[[], bool] = lambda: True,
    ready_within_s: float = 60,
    stop_within_s: float = 5,
) -> PartSpec:
    return PartSpec(
        name=name,
        command=[sys.executable, "-c", code],
        env=dict(os.environ),
        ready=ready,
        ready_within_s=ready_within_s,
        stop_within_s=stop_within_s,
    )


def test_output_is_passed_on_line_by_line_with_the_parts_name() -> None:
    lines = []
    with StackSupervisor(on_line=lambda part, line: lines.append((part, line))) as supervisor:
        supervisor.start(
            [
                python(
                    "one",
                    "print('a'); import sys; print('b', file=sys.stderr, flush=True); " + SERVES,
                )
            ]
        )
        poll_until(lambda: len(lines) == 3, "three lines")
    assert sorted(lines) == [("one", "a"), ("one", "b"), ("one", "serving")]


def test_a_part_is_started_once_it_is_ready(supervisor: StackSupervisor) -> None:
    def serving() -> bool:
        return "serving" in supervisor.parts["one"].output()

    supervisor.start([python("one", SERVES, ready=serving)])
    assert serving()


def test_a_part_that_does_not_get_ready(
    supervisor: StackSupervisor,
) -> None:
    """A part that does not get ready is named with its last lines."""

    def never() -> bool:
        poll_until(lambda: "serving" in supervisor.parts["slow"].output(), "the slow part serves")
        return False

    spec = python("slow", SERVES, ready=never, ready_within_s=0.5)
    with pytest.raises(
        PartNotReady, match=r"^slow did not serve within 0\.5 s\. Its last lines:\n    serving$"
    ):
        supervisor.start([spec])


def test_a_part_that_cannot_serve_is_not_awaited(
    supervisor: StackSupervisor,
) -> None:
    """A part that prints a sign of hopelessness is not waited for. func goes on running when the
    app cannot be imported.
    """
    spec = replace(python("host", SERVES, ready=lambda: False), hopeless=("serving",))
    with pytest.raises(PartNotReady, match=r"^host cannot serve\. Its last lines:\n    serving$"):
        supervisor.start([spec])


def test_a_part_that_dies_while_starting(
    supervisor: StackSupervisor,
) -> None:
    """A part that dies while starting is named with its reason."""
    spec = python("broken", "import sys; sys.exit('no such hub')", ready=lambda: False)
    with pytest.raises(
        PartDied, match=r"^broken died: exit code 1\. Its last lines:\n    no such hub$"
    ):
        supervisor.start([spec])


def test_a_program_that_is_not_there_is_named(supervisor: StackSupervisor) -> None:
    spec = PartSpec(name="gone", command=["/nowhere/node"], ready=lambda: True)
    with pytest.raises(PartDied, match=r"^gone cannot start: .*/nowhere/node"):
        supervisor.start([spec])


def test_a_part_that_dies_later(
    supervisor: StackSupervisor,
) -> None:
    """A part that dies later ends the wait and is named with its signal."""
    supervisor.start([python("one", SERVES), python("two", SERVES)])
    poll_until(lambda: "serving" in supervisor.parts["two"].output(), "the second part serves")
    os.kill(supervisor.parts["two"].pid, signal.SIGKILL)
    with pytest.raises(
        PartDied, match=r"^two died: killed by signal 9 \(SIGKILL\)\. Its last lines:\n    serving$"
    ):
        supervisor.wait(threading.Event())


def test_a_part_that_a_test_stops_or_kills_has_not_died(supervisor: StackSupervisor) -> None:
    supervisor.start([python("one", SERVES), python("two", SERVES)])
    supervisor.parts["one"].stop()
    supervisor.parts["two"].kill()
    supervisor.check()


def test_a_stopped_part_can_be_started_again(supervisor: StackSupervisor) -> None:
    supervisor.start([python("one", SERVES)])
    part = supervisor.parts["one"]
    first = part.pid
    part.stop()
    part.start()
    assert psutil.Process(part.pid).is_running()
    assert part.pid != first


def test_killing_a_part_ends_its_workers_too(supervisor: StackSupervisor) -> None:
    supervisor.start([python("host", HAS_A_WORKER)])
    part = supervisor.parts["host"]
    poll_until(lambda: len(part.descendants()) == 1, "its worker runs")
    part.kill()
    poll_until(lambda: processes_of(supervisor.id) == [], "all its processes have ended")


def test_parts_end_in_the_opposite_order_of_their_start() -> None:
    ended: list[str] = []
    says_when = (
        "import signal, time, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('ended', flush=True))); "
        + SERVES
    )
    with StackSupervisor(
        on_line=lambda part, line: ended.append(part) if line == "ended" else None
    ) as supervisor:

        def is_serving(name: str) -> bool:
            return "serving" in supervisor.parts[name].output()

        for name in ("first", "second"):
            ready = functools.partial(is_serving, name)
            supervisor.start([python(name, says_when, ready=ready)])
    assert ended == ["second", "first"]


def test_a_part_that_ignores_sigterm_is_killed_after_its_time() -> None:
    with StackSupervisor() as supervisor:
        supervisor.start([python("deaf", IGNORES_SIGTERM, stop_within_s=0.2)])
        poll_until(lambda: "deaf" in supervisor.parts["deaf"].output(), "it ignores SIGTERM")
        part, started = supervisor.parts["deaf"], time.monotonic()
    assert time.monotonic() - started >= 0.2
    assert "ended by itself" not in part.output()
    assert processes_of(supervisor.id) == []


def test_no_process_remains_after_the_end() -> None:
    """Nothing is left after the end not even a worker in its own session."""
    with StackSupervisor() as supervisor:
        supervisor.start([python("host", HAS_A_WORKER)])
        poll_until(lambda: len(processes_of(supervisor.id)) == 2, "both processes run")
    assert processes_of(supervisor.id) == []


SUPERVISOR_TO_KILL = f"""
import os, sys, time
from dataclasses import replace
from pathlib import Path
from local.stack.part import PartSpec
from local.stack.supervisor import StackSupervisor
supervisor = StackSupervisor(temporary_folder=Path(sys.argv[1]))
codes = {{'host': {HAS_A_WORKER!r}, 'deaf': {IGNORES_SIGTERM!r}}}
supervisor.start([
    PartSpec(name=name, command=[sys.executable, '-c', code], env=dict(os.environ), ready=lambda: True)
    for name, code in codes.items()
])
print(supervisor.id, flush=True)
time.sleep(60)
"""


def test_no_process_survives_a_killed_supervisor(tmp_path: Path) -> None:
    """kill -9, with a worker in a session of its own, a part that ignores SIGTERM, and a temporary
    folder.
    """
    folder = tmp_path / "data"
    folder.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(SUPERVISOR_TO_KILL), str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        stack_id = process.stdout.readline().strip()
        poll_until(lambda: len(processes_of(stack_id)) == 3, "the stack runs")
        process.kill()
    poll_until(
        lambda: processes_of(stack_id) == [] and not folder.exists(),
        "its processes and its folder are gone",
        within_s=15,
    )


@pytest.mark.parametrize(
    ("returncode", "description"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-15, "killed by signal 15 (SIGTERM)"),
        (-62, "killed by signal 62"),
    ],
)
def test_an_end_is_described_by_exit_code_or_signal(returncode: int, description: str) -> None:
    assert describe_end(returncode) == description
