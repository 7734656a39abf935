"""Translates the exceptions of the Event Hubs SDK into fnsse's own errors, once."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from azure.core.exceptions import AzureError
from azure.eventhub.exceptions import (
    AuthenticationError,
    EventDataSendError,
    EventHubError,
    OperationTimeoutError,
)

from shared.errors import DeliveryError, DeliveryForbidden, EventRejected, EventTooLarge

# AMQP conditions that mean "this event will never be accepted" (AMQP 1.0 part 2, 2.8.15, and the
# service's own). Every other condition (busy, quota, unauthorized, a lost link) is transient.
PERMANENT_CONDITIONS: Final = (
    "amqp:decode-error",
    "amqp:invalid-field",
    "amqp:not-allowed",
    "amqp:not-implemented",
    "com.microsoft:argument-error",
    "com.microsoft:argument-out-of-range",
)
TOO_LARGE_CONDITION: Final = "amqp:link:message-size-exceeded"
STILL_TOO_LARGE: Final = "an event is larger than the Event Hub takes, although it was truncated"


def _error_text(condition: str) -> str:
    """The condition as EventHubError.error holds it: without its prefix."""
    return condition.partition(":")[2]


_PERMANENT_ERRORS: Final = frozenset(map(_error_text, PERMANENT_CONDITIONS))
_TOO_LARGE_ERROR: Final = _error_text(TOO_LARGE_CONDITION)


async def translate_errors[T](call: Awaitable[T]) -> T:
    """The result of the SDK's call. Raises DeliveryError, or TimeoutError if there was no response
    in time.
    """
    try:
        return await call
    except OperationTimeoutError as error:
        raise TimeoutError from error
    except EventDataSendError as error:
        raise _rejection_error(error) from error
    except AuthenticationError as error:
        raise DeliveryForbidden(
            "the Event Hub refused the app's credentials"
        ) from error.with_traceback(None)
    except TimeoutError:
        raise
    except (EventHubError, AzureError, OSError) as error:
        # without a traceback: its frames would keep the SDK's connection open
        raise DeliveryError(
            f"the Event Hub did not answer or refused: {type(error).__name__}"
        ) from error.with_traceback(None)


def no_response_error(limit_s: float) -> DeliveryError:
    """The error for a call that had no response within this limit."""
    return DeliveryError(f"the Event Hub did not answer within {limit_s:g} s")


def _rejection_error(error: EventDataSendError) -> DeliveryError:
    """The error for a publication that the service rejected. Its own text is omitted, because it
    may quote the event.
    """
    if error.error == _TOO_LARGE_ERROR:
        return EventTooLarge(STILL_TOO_LARGE)
    if error.error in _PERMANENT_ERRORS:
        return EventRejected(f"the Event Hub refused the event for good: {error.error}")
    return DeliveryError(f"the Event Hub refused: {error.error}")
