"""The host's output: time-stamped lines, as `func start` prints them. Never query strings or
headers: they hold keys.
"""

import logging
import sys
from datetime import UTC, datetime

# azure-core's request log prints every header, and the host's own polling would fill the screen
# with it; the worker library writes three records per request, uvicorn says that it starts. Their
# warnings and errors are shown.
_SILENT_LOGGERS = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.functions",
    "uvicorn.error",
)
# uvicorn's advice after a refused WebSocket, which this host and the real one refuse on purpose:
# the app answers it.
_MISLEADING = "No supported WebSocket library detected."


def say(text: str) -> None:
    """Print text with the time in front."""
    now = datetime.now(UTC)
    sys.stdout.write(f"[{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z] {text}\n")
    sys.stdout.flush()


class ConsoleHandler(logging.Handler):
    """Prints the app's log records: their message, the level in front where it is above INFO."""

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
