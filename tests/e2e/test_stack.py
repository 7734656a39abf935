"""`make run` as a process: its output, its end, and that no process or port stays in use."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from harness.waiting import poll_until
from local.repository import ROOT
from local.stack import FunctionsHost, Ports, Stack, free_ports
from local.stack.commands import HOW_TO_GET_FUNC
from local.stack.ports import HOST, is_free
from tests.e2e.make_run import READY_WITHIN_S, MakeRun


def _command_of(pid: int) -> str:
    """The command line; "" for a process that has ended."""
    with contextlib.suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())
    return ""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., MakeRun]]:
    runs: list[MakeRun] = []

    def starter(
        *options: str, ports: Ports | None = None, environment: Mapping[str, str] | None = None
    ) -> MakeRun:
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(MakeRun(folder, *options, ports=ports, environment=environment))
        return runs[-1]

    yield starter
    for run in runs:
        run.end()


def test_it_shows_both_events_and_ends_in_order(
    functions_host: FunctionsHost, start: Callable[..., MakeRun]
) -> None:
    """The response and the events of both calls are printed, and SIGINT stops all parts."""
    run = start("--functions-host", functions_host)
    run.until_it_says("Serving until Ctrl-C")
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 0
    output = run.output()
    assert '"type": "stream_completion"' in output
    assert "and of the same call without streaming" in output
    assert f"proxy          http://127.0.0.1:{run.ports.proxy} " in output
    assert output.endswith("stopped: all parts have ended, their ports are free\n")
    assert run.has_ended_completely()


def test_a_run_owns_its_folder_and_no_process_survives_a_kill(
    start: Callable[..., MakeRun], tmp_path: Path
) -> None:
    """Two Azurites would write the same files, so a second run in the folder is rejected. After
    kill -9 of the supervisor its parts, the functions host's worker included, end within seconds.
    """
    folder = ["--no-demo", "--folder", str(tmp_path / "same")]
    run = start(*folder)
    run.until_it_says("Serving until Ctrl-C")
    second = start(*folder, "--functions-host", "func")
    assert second.wait() == 1
    assert (
        f"fnsse: another run keeps its files in {tmp_path / 'same'}\nUse instead: make func PORT="
        in second.output()
    )
    assert f" FOLDER={tmp_path / 'same-2'} NO_DEMO=1\n" in second.output()
    run.process.kill()
    run.wait()
    poll_until(run.has_ended_completely, "the end of all its processes")


def test_a_part_that_dies_is_started_again(
    start: Callable[..., MakeRun],
) -> None:
    """The third death of a part ends the run. Without a Functions host, which the parts' deaths do
    not end.
    """
    run = start("--functions-host", "none")
    run.until_it_says("func start")
    for death in (1, 2, 3):
        event_hubs = next(
            pid for pid in run.processes() if "emulators/event_hubs" in _command_of(pid)
        )
        os.kill(event_hubs, signal.SIGKILL)
        if death < 3:
            run.until_it_says("event_hubs serves again", times=death)
    assert run.wait() == 1
    died = "event_hubs died: killed by signal 9 (SIGKILL). Its last lines:\n"
    assert run.output().count(f"\n{died}") == 2
    assert f"\nfnsse: {died}" in run.output()
    assert run.has_ended_completely()


@pytest.mark.thorough
def test_a_drill_takes_parts_away_and_finds_every_event(start: Callable[..., MakeRun]) -> None:
    run = start("--no-demo")
    run.until_it_says("Serving until Ctrl-C")
    command = [sys.executable, "-m", "local.drill", "--folder", str(run.folder)]
    drill = subprocess.run(
        [*command, "--storage", "2", "--event-hub", "2"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=READY_WITHIN_S,
        check=False,
    )
    assert drill.returncode == 0, drill.stdout + drill.stderr
    for text in ("storage is taken away for 2 s", "the Event Hub comes back", " 0 did not\n"):
        assert text in drill.stdout
    for part in ("azurite", "event_hubs"):
        assert f"drill          | {part} is taken away" in run.output()
        assert f"drill          | {part} is back" in run.output()


def test_a_taken_port_is_named_before_anything_is_started(start: Callable[..., MakeRun]) -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        port = server.getsockname()[1]
        run = start(ports=Ports(**(free_ports().by_name() | {"event_hubs": port})))
        assert run.wait() == 1
    output = run.output().strip()
    assert output.startswith(
        f"fnsse: port {port} (EVENT_HUBS_PORT), which event_hubs (AMQP) needs, is taken"
    )
    assert f"Use instead: make run PORT={run.ports.proxy} EVENT_HUBS_PORT=" in output
    assert "starting" not in output


def test_without_core_tools_make_func_says_how_to_get_them(
    start: Callable[..., MakeRun], tmp_path: Path
) -> None:
    run = start("--functions-host", "func", environment={"PATH": str(tmp_path)})
    assert run.wait() == 1
    assert run.output().strip() == f"fnsse: make func {HOW_TO_GET_FUNC}"


def test_real_services_replace_the_local_parts(
    start: Callable[..., MakeRun],
) -> None:
    """A real Azure OpenAI and Event Hub are played by the parts of another stack; all that makes
    them real is that the environment names them.
    """
    with Stack(only={"azure_openai", "event_hubs"}) as real:
        environment = {
            "AZURE_OPENAI_BASE_URL": real.stand_in_url,
            "AZURE_OPENAI_KEY": "the real one",
            "AZURE_EVENTHUB_CONN_STR": real.event_hub_connection_string,
            "AZURE_EVENTHUB_NAME": real.event_hub_name,
        }
        run = start("--exit-after-demo", environment=environment)
        assert run.wait() == 0, run.output()
    assert "starting azurite\n" in run.output()
    assert '"type": "stream_completion"' in run.output()


def test_invalid_settings_are_reported_first(
    start: Callable[..., MakeRun],
) -> None:
    """Nothing is started with them."""
    run = start(environment={"AZURE_OPENAI_BASE_URL": "contoso", "UPSTREAM_READ_TIMEOUT_S": "soon"})
    assert run.wait() == 1
    heading, *named = run.output().strip().splitlines()
    assert heading == "2 settings of fnsse need attention:"
    assert [line.split()[0] for line in named] == [
        "AZURE_OPENAI_BASE_URL",
        "UPSTREAM_READ_TIMEOUT_S",
    ]


def test_a_real_namespace_without_a_hubs_name_is_reported_too(
    start: Callable[..., MakeRun],
) -> None:
    real = "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=b;SharedAccessKey=c"
    run = start(environment={"AZURE_EVENTHUB_CONN_STR": real})
    assert run.wait() == 1
    assert (
        "\n  AZURE_EVENTHUB_NAME is missing: the name of the event hub, e.g. openai-logs\n"
        in run.output()
    )


def test_an_absent_upstream_is_named(
    start: Callable[..., MakeRun],
) -> None:
    """The event of the failed call is shown nevertheless."""
    nobody = f"http://127.0.0.1:{free_ports().proxy}"
    run = start(
        "--exit-after-demo", environment={"AZURE_OPENAI_BASE_URL": nobody, "AZURE_OPENAI_KEY": "a"}
    )
    assert run.wait() == 1
    output = run.output()
    assert '"type": "error"' in output
    assert output.splitlines()[-1].startswith(
        "fnsse: the call through the proxy was answered 502: "
    )
    assert output.endswith(" - check AZURE_OPENAI_BASE_URL and AZURE_OPENAI_KEY\n")


def test_an_absent_event_hub_is_named(
    start: Callable[..., MakeRun],
) -> None:
    """The terminal names it while it waits for events, and shows each try, not its traceback."""
    nobody = f"Endpoint=sb://127.0.0.1:{free_ports().event_hubs};SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;"
    run = start(
        environment={"AZURE_EVENTHUB_CONN_STR": nobody, "AZURE_EVENTHUB_NAME": "openai-logs"},
    )
    run.until_it_says(
        "event_hub: unreachable - check AZURE_EVENTHUB_CONN_STR and AZURE_EVENTHUB_NAME"
    )
    run.until_it_says("ERROR: Executed 'Functions.enrichment' (Failed")
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 0
    assert "Traceback" not in run.output()


def test_all_but_the_functions_host_can_be_served_alone(start: Callable[..., MakeRun]) -> None:
    run = start("--functions-host", "none")
    run.until_it_says("func start")
    assert is_free(run.ports.proxy)
    assert not any(is_free(port) for name, port in run.ports.by_name().items() if name != "proxy")
    run.process.send_signal(signal.SIGINT)
    assert run.wait() == 0
    assert run.has_ended_completely()


def test_a_part_can_be_killed_and_started_again() -> None:
    with Stack(only={"azure_openai"}) as stack:
        part = stack.parts["azure_openai"]
        part.kill()
        assert is_free(stack.ports.azure_openai)
        part.start()
        assert not is_free(stack.ports.azure_openai)


def test_an_install_that_is_current_starts_next_to_nothing(tmp_path: Path) -> None:
    """Installing again when all is current starts a few small programs and neither Python nor pip
    or npm, so that the second `make run` starts within seconds.
    """
    subprocess.run(["local/install"], cwd=ROOT, check=True, capture_output=True)
    started = tmp_path / "started"
    for name in ("cat", "cksum", "dirname"):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho {name} >>"{started}"\nexec {shutil.which(name)} "$@"\n'
        )
        program.chmod(0o755)
    done = subprocess.run(
        [shutil.which("sh") or "sh", "local/install"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert len(started.read_text().splitlines()) < 40
