"""The leftovers of a run are found: its processes by a variable, and its ports."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import uuid
from typing import Final

from local.leftovers import leftovers
from local.stack.ports import free_ports
from tests.integration.tools.listening_socket import listening, port_of

_VARIABLE: Final = "FNSSE_TEST_LEFTOVERS"


def test_a_run_that_ended_in_order_left_nothing() -> None:
    assert leftovers(_VARIABLE, uuid.uuid4().hex, free_ports()) == []


def test_a_process_is_found_by_its_variable() -> None:
    """Its command line tells the reader which part it is."""
    run = uuid.uuid4().hex
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {_VARIABLE: run}
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs
        found = leftovers(_VARIABLE, run, free_ports())
        process.communicate(b"\n")
    assert found == [f"process {process.pid}: {' '.join(command)}"]


def test_a_taken_port_is_found() -> None:
    ports = free_ports()
    with listening() as server:
        taken = dataclasses.replace(ports, view=port_of(server))
        assert leftovers(_VARIABLE, uuid.uuid4().hex, taken) == [f"port {taken.view} (view)"]
