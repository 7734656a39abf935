"""Errors that end a start: the app or its settings need something that this host cannot do."""

from __future__ import annotations


class StartError(Exception):
    """The host cannot start; the message names the thing and the remedy."""


class Unsupported(StartError):
    """The app uses a feature that this host lacks. Ignoring it would change the app's behaviour, so
    it is refused.
    """

    def __init__(self, feature: str) -> None:
        super().__init__(
            f"{feature} is not supported by the embedded Functions host; use `func start` for it"
        )
