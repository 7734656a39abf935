"""Errors of what operators call: replay, erasure, reconcile, dead letters, reports."""

from __future__ import annotations

from shared.core.api_errors.api_error import ApiError


def invalid_replay(message: str) -> ApiError:
    """A 400 for a malformed replay request. `message` says what would be right."""
    return ApiError(status=400, code="invalid_replay", message=message)


def invalid_erasure(message: str) -> ApiError:
    """A 400 for a malformed erasure request. `message` says what would be right."""
    return ApiError(status=400, code="invalid_erasure", message=message)


def unknown_erasure() -> ApiError:
    """A 404 for an id that no run of an erasure has."""
    return ApiError(
        status=404,
        code="unknown_erasure",
        message="No erasure has that id, or its receipt has expired. The response to POST /ops/erase has it as `run`.",
    )


def invalid_hours(max_hours: int) -> ApiError:
    """A 400 for a number of hours that is out of range."""
    return ApiError(
        status=400,
        code="invalid_hours",
        message=f"`hours` is a whole number from 1 to {max_hours}: /ops/reports?hours=48.",
    )


def reconcile_running() -> ApiError:
    """A 409 for a second run of reconcile."""
    return ApiError(
        status=409,
        code="reconcile_running",
        message="Reconcile is already running. Wait until it has ended, then start it again.",
    )


def invalid_exchange_id() -> ApiError:
    """A 400 for a text that is not an exchange id."""
    return ApiError(
        status=400,
        code="invalid_exchange_id",
        message="That is not an exchange id. It is in the event and in the response's x-exchange-id header.",
    )


def unknown_exchange() -> ApiError:
    """A 404 for an exchange of which nothing is stored."""
    return ApiError(
        status=404,
        code="unknown_exchange",
        message="That exchange is not dead-lettered, or nothing of it is stored any more.",
    )


def immutable_exchange() -> ApiError:
    """A 409 for captures that storage does not let anyone delete."""
    return ApiError(
        status=409,
        code="immutable_exchange",
        message="An immutability policy or a legal hold of the storage account keeps the exchange's captures. "
        "Erase it when that has ended.",
    )


def still_unreadable(reason: str) -> ApiError:
    """A 409 for a dead letter that still cannot be delivered."""
    return ApiError(
        status=409,
        code="still_unreadable",
        message=f"The exchange still cannot be delivered: {reason}.",
    )
