"""Ends the processes of a stack as soon as its supervisor has ended, even by kill -9.

    python -m local.stack.watchdog STACK_ID [FOLDER]      standard input: a pipe from the supervisor

The pipe closes when the supervisor closes it (a normal end, after all parts) or is killed, kill -9
included. Then every process that carries the stack's marker in its environment is ended, and the
stack's temporary FOLDER removed. Linux's PR_SET_PDEATHSIG does less: it reaches children but not
grandchildren (func's and the embedded host's workers), and fires when the *thread* that started the
child ends, as in a test that restarts a part from a thread.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

from local.stack.processes import processes_of, signal_each

# Enough for Azurite to write its files; a functions host with open streams is not waited for.
TERM_GRACE_S: Final = 3.0


def end_remains(stack_id: str, *, grace_s: float = TERM_GRACE_S) -> None:
    """Send SIGTERM to every process of the stack, and SIGKILL to those that run `grace_s` later."""
    signal_each(processes_of(stack_id), signal.SIGTERM)
    if not _until(lambda: not processes_of(stack_id), grace_s):
        # One may have started a child between being listed and being killed, hence more than one
        # round.
        _until(lambda: not _kill(stack_id), grace_s)


def _kill(stack_id: str) -> list[int]:
    remaining = processes_of(stack_id)
    signal_each(remaining, signal.SIGKILL)
    return remaining


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def main(stack_id: str, folder: str | None = None) -> None:
    """Wait for the end of standard input, then clean up."""
    sys.stdin.read()
    end_remains(stack_id)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
