"""Colours of the terminal: only on one, and not if NO_COLOR says so (https://no-color.org)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TextIO

from local.events.feed import DeliveredEvent

GREEN: Final = "32"
YELLOW: Final = "33"
RED: Final = "31"
FAINT: Final = "2"

type Paint = Callable[[str, str], str]  # (text, colour) -> the text as the terminal shows it


def has_colours(out: TextIO) -> bool:
    """Whether what is printed to `out` may be coloured."""
    return out.isatty() and not os.environ.get("NO_COLOR")


def paint(text: str, colour: str) -> str:
    """The text in a colour."""
    return f"\033[{colour}m{text}\033[0m"


def plain(text: str, _colour: str) -> str:
    """The text as it is."""
    return text


def of_outcome(event: DeliveredEvent) -> str:
    """The colour in which an outcome is shown, beside its word."""
    outcome = event.get("outcome")
    if outcome == "completed":
        return GREEN
    return YELLOW if outcome in {"client_disconnected", "rejected"} else RED
