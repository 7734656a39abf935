"""A terminal for tests of what is printed."""

from __future__ import annotations

import io


class FakeTerminal(io.StringIO):
    """A terminal that keeps what is printed."""

    def isatty(self) -> bool:
        return True
