"""Errors of the local stack.

StackError
├── PortsTaken    a port is in use or given twice, found before any part starts
├── ToolMissing   a program that cannot be installed into the project
├── PartNotReady  a part started, but did not serve in time
└── PartDied      a part ended by itself
"""

from __future__ import annotations

from collections.abc import Mapping


class StackError(Exception):
    """The stack cannot start or continue. The message names the part or port and the remedy."""


class PortsTaken(StackError):
    """At least one port is in use or given twice; the message has a line for each."""

    def __init__(self, message: str, *, instead: Mapping[str, int]) -> None:
        super().__init__(message)
        # name in Ports -> a free port instead of the one in use; all different
        self.instead = instead


class ToolMissing(StackError):
    """A program is not on PATH; the message says how to get it."""


class PartNotReady(StackError):
    """A part did not serve before its deadline; the message ends with its last lines of output."""


class PartDied(StackError):
    """A part ended by itself; the message says how (exit code or signal) and ends with its last
    lines of output.
    """
