"""Every exception that the view raises on purpose.

    ViewError
    ├── OptionsError        an option or a setting is missing or malformed
    ├── FilterError         a filter line cannot be read; says where
    └── CaptureUnavailable  an exchange's capture cannot be shown; says why

Messages name the thing and the remedy, and never hold a secret, a prompt or an answer.
"""

from __future__ import annotations


class ViewError(Exception):
    """The root of all exceptions that the view raises on purpose."""


class OptionsError(ViewError):
    """An option or a setting is missing or malformed."""


class FilterError(ViewError):
    """A filter line cannot be read."""

    def __init__(self, message: str, *, at: int) -> None:
        """`at`: offset in characters of what is wrong."""
        super().__init__(message)
        self.at = at


class CaptureUnavailable(ViewError):
    """An exchange's capture cannot be shown."""

    def __init__(self, message: str, *, status: int) -> None:
        """`status`: 404 if there is none, 409 if storage cannot be read."""
        super().__init__(message)
        self.status = status
