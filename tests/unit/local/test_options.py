"""The command line of local.run, and the `make` line that says the same."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from local.repository import ROOT
from local.run.options import parse
from local.stack import StackError

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


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "7 1", "1" * 5000, "\u0667"])
def test_an_invalid_port_is_named_by_its_variable(text: str) -> None:
    with pytest.raises(StackError) as error:
        parse([f"--blob-port={text}"])
    assert (
        str(error.value)
        == f"BLOB_PORT (--blob-port) must be a port, a number from 1 to 65535, and not {text!r}"
    )


def test_no_host_no_demonstration() -> None:
    """Without a functions host there is nothing to demonstrate."""
    options = parse(["--functions-host", "none"])
    assert (options.make_target, options.demo) == ("parts", False)


def test_the_default_folder() -> None:
    """The folder is the repositorys own unless another is named."""
    assert parse([]).folder == Path(".local")
