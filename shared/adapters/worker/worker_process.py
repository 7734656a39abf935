"""The worker's process: which log lines it writes where, and its garbage collector."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable
from typing import Final

# Their records may come after the end of the invocation that caused them, or before any invocation.
_LOGGERS_OUTSIDE_INVOCATIONS: Final = ("fnsse.recording", "fnsse.ledger", "fnsse.worker_library")

_SDK_LOGGERS: Final = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.eventhub",
    "azure.identity",
)

# A collection starts when this many more objects were made than freed; Python's default is 2,000.
# An exchange leaves no cycles, so a fifth of the collections finds as much. Their share of the
# worker's CPU was 4 %, and is half of that (measured).
_GC_THRESHOLD: Final = 10_000


def set_up_logging() -> None:
    """Call once, before anything is logged."""
    _log_to_stderr(_LOGGERS_OUTSIDE_INVOCATIONS)
    _quiet_loggers()


def freeze_gc() -> None:
    """Exclude everything imported so far from garbage collections. Call once, at the end of
    function_app.py.
    """
    # A full collection looks at each of its 110,000 objects, and no stream moves for 70 ms and more
    # (measured).
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _quiet_loggers() -> None:
    # Two INFO records for each request, each a message to the host.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    # The Azure SDK logs each HTTP call and each AMQP state change at INFO.
    for name in _SDK_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _log_to_stderr(names: Iterable[str]) -> None:
    """The host (4.1037) drops a record of an invocation that has ended (seen there): the only trace
    of an exchange that could not be recorded.

    The host logs a line of a worker's stderr as Host.Function.Console. It derives the level from
    words in the line ("error", "warn": WorkerProcess.cs in Azure/azure-functions-host).
    """
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    for name in names:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [console]
