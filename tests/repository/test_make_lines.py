"""The `make` lines that local.run prints, and the Makefile."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest

from local.repository import ROOT
from local.run.options import parse

ALL_PORTS = (
    "PORT=1 EVENT_HUBS_PORT=2 EVENT_HUBS_CONTROL_PORT=3 AZURE_OPENAI_PORT=4 "
    "BLOB_PORT=5 QUEUE_PORT=6 TABLE_PORT=7 VIEW_PORT=8"
)


@pytest.mark.parametrize(
    "line",
    [
        "make run",
        "make func PORT=7072",
        "make parts BLOB_PORT=10003 QUEUE_PORT=10004",
        f"make run {ALL_PORTS} FOLDER='.local/a b' DEPLOYMENT=mine NO_DEMO=1",
    ],
)
def test_a_make_line_gives_options_that_give_the_line_again(line: str) -> None:
    """The Makefile turns an advised line into the options that it stands for."""
    target = [*shlex.split(line), "--dry-run", "--no-print-directory"]
    environment = {"PATH": os.environ["PATH"]}
    recipe = subprocess.run(
        target, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout
    command = next(text for text in recipe.splitlines() if "local.run" in text)
    assert parse(shlex.split(command)[3:]).make_line() == line
