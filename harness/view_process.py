"""The page's server as a process of its own beside a stack, as `make run` starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local.repository import ROOT
from local.stack import Stack


@contextmanager
def view_process(stack: Stack) -> Iterator[str]:
    """`python -m view` with the settings of the app: its address."""
    command = [sys.executable, "-m", "view", "--local", "--port", "0", "--app", stack.proxy_url]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**stack.settings, "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("view ready: ").strip()
        process.terminate()
    assert process.returncode == 0
