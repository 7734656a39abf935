"""An error of asyncio fails the test during which it is logged (harness/logs.py)."""

from __future__ import annotations

import logging
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Final

from local.repository import ROOT

# A run of pytest: what each test does, and what has to become of it.
_TESTS: Final = """
import asyncio, gc, logging
import pytest

gc.disable()

async def fail():
    raise ValueError("nobody looks")

@pytest.mark.anyio
async def test_a_task_in_a_cycle_that_nobody_awaits():
    cycle = [asyncio.create_task(fail())]
    cycle.append(cycle)
    await asyncio.sleep(0)

def test_after_it():
    pass

def test_an_error_without_any_asyncio():
    logging.getLogger("asyncio").error("reported")

def test_a_warning():
    logging.getLogger("asyncio").warning("slow")

def test_an_error_of_others():
    logging.getLogger("fnsse").error("mine")
"""


def test_that_test_alone_fails(tmp_path: Path) -> None:
    """Only the test that left the failure behind fails, after a garbage collection."""
    (tmp_path / "test_some.py").write_text(_TESTS)
    options = ["-p", "harness.logs", "-p", "no:cacheprovider", "-p", "no:xdist", "-v"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "5 passed, 2 errors" in done.stdout, done.stdout
    outcomes = [line.partition("::")[2].split() for line in done.stdout.splitlines()]
    assert [words[0] for words in outcomes if words[1:2] == ["ERROR"]] == [
        "test_a_task_in_a_cycle_that_nobody_awaits[asyncio]",
        "test_an_error_without_any_asyncio",
    ]
    assert "ValueError: nobody looks" in done.stdout


def test_every_log_holds_what_sdks_write_too(every_log: StringIO) -> None:
    logging.getLogger("azure.core").error("an SDK's line", exc_info=ValueError("its text"))
    assert "azure.core an SDK's line" in every_log.getvalue()
    assert "ValueError: its text" in every_log.getvalue()
