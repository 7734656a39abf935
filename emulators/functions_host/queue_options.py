"""The queue settings of host.json.

Defaults and limits: Azure/azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Common,
QueuesOptions.cs and QueuePollingIntervals.cs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulators.functions_host.timespan import parse_time_span_s
from emulators.functions_host.unsupported import StartError, Unsupported

MAX_BATCH_SIZE: Final = 32
MIN_POLLING_INTERVAL_S: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class QueueOptions:
    """The options of queues in host.json (extensions.queues)."""

    batch_size: int = 16
    new_batch_threshold: int = 8  # half of batch_size, times one processor
    max_dequeue_count: int = 5
    # how long a message stays invisible after its function failed
    visibility_timeout_s: float = 0.0
    max_polling_interval_s: float = 60.0
    base64: bool = True  # messageEncoding


def parse_queue_options(section: Mapping[str, Any]) -> QueueOptions:
    """The queue options of a section with lower-cased keys; StartError names the wrong or
    unknown options.
    """
    values = dict(section)
    batch_size = _number(values.pop("batchsize", 16), "batchSize", 1, MAX_BATCH_SIZE)
    options = QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_number(
            values.pop("newbatchthreshold", batch_size // 2), "newBatchThreshold", 0, None
        ),
        max_dequeue_count=_number(values.pop("maxdequeuecount", 5), "maxDequeueCount", 1, None),
        visibility_timeout_s=_duration_s(
            values.pop("visibilitytimeout", "00:00:00"), "visibilityTimeout", 0.0
        ),
        max_polling_interval_s=_duration_s(
            values.pop("maxpollinginterval", "00:01:00"),
            "maxPollingInterval",
            MIN_POLLING_INTERVAL_S,
        ),
        base64=_base64(values.pop("messageencoding", "base64")),
    )
    for key in values:
        raise Unsupported(f"host.json: extensions.queues.{key}")
    return options


def _number(value: object, name: str, least: int, most: int | None) -> int:
    number = _parse(int, str(value), name)
    if number < least or (most is not None and number > most):
        raise StartError(
            f"host.json: extensions.queues.{name} must be at least {least}{f', at most {most}' if most else ''}"
        )
    return number


def _duration_s(value: object, name: str, least_s: float) -> float:
    seconds = _parse(parse_time_span_s, str(value), name)
    if seconds < least_s:
        raise StartError(f"host.json: extensions.queues.{name} must be at least {least_s} s")
    return seconds


def _parse[T](parse: Callable[[str], T], text: str, name: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise StartError(f"host.json: extensions.queues.{name}: {error}") from error


def _base64(value: object) -> bool:
    match str(value).casefold():
        case "base64":
            return True
        case "none":
            return False
    raise StartError(
        f"host.json: extensions.queues.messageEncoding is base64 or none, not {value!r}"
    )
