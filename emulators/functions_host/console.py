"""The host's output: time-stamped lines, as `func start` prints them. It never prints query strings
or headers, which hold keys.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Final

# azure-core logs every header of a request, also of the host's own polling; the worker library logs
# three records per request, uvicorn its start. Only their warnings and errors are printed.
_SILENT_LOGGERS: Final = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.functions",
    "uvicorn.error",
)
# uvicorn's advice after a rejected WebSocket. This host and the real one reject it on purpose, and
# the app responds.
_MISLEADING: Final = "No supported WebSocket library detected."


def say(text: str) -> None:
    """Print text after the time."""
    now = datetime.now(UTC)
    sys.stdout.write(f"[{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z] {text}\n")
    sys.stdout.flush()


class ConsoleHandler(logging.Handler):
    """Prints the app's log records: the message, after the level if that is above INFO."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        say(f"{record.levelname}: {text}" if record.levelno > logging.INFO else text)


def install_logging(level: int) -> None:
    """Send the root logger's records of at least this level to the console."""
    root = logging.getLogger()
    root.addHandler(ConsoleHandler())
    root.setLevel(level)
    for name in _SILENT_LOGGERS:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: not record.getMessage().startswith(_MISLEADING)
    )
