"""What ends a start: the app, its configuration or its settings ask for something this host cannot
do.
"""


class StartError(Exception):
    """The host cannot start; the message names the thing and the remedy."""


class Unsupported(StartError):
    """Something the real host has and this one lacks. Ignoring it would let the app behave
    differently, so it is refused.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not supported by the embedded Functions host; use `func start` for it"
        )
