"""Translates the exceptions of the storage SDK and of the network into fnsse's own errors, once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from azure.core.exceptions import AzureError, HttpResponseError

from shared.errors import StorageError, StorageImmutable, StorageNotFound


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageError, or StorageNotFound, for any exception of a storage call within the block.

    The messages hold the service's status and error code and no more: the SDK's own texts quote
    addresses.
    """
    try:
        yield
    except HttpResponseError as error:
        raise error_for_status(error.status_code or 0, _code(error)) from error
    except (AzureError, OSError, TimeoutError) as error:
        raise StorageError(f"storage did not answer: {type(error).__name__}") from error


def error_for_status(status: int, code: str) -> StorageError:
    """The error for a response of `status` with `x-ms-error-code: code`, which may be empty."""
    return _kind(status, code)(
        f"storage refused: {status} {code}".rstrip(), status=status, code=code
    )


def error_for_caller(error: BaseException, client: str) -> StorageError:
    """The error for one of the callers that share a call of `client` ("queue"), of the same class
    if it is a StorageError. Raising it adds to no other's traceback.
    """
    if isinstance(error, StorageError):
        return type(error)(str(error), status=error.status, code=error.code)
    return StorageError(f"the {client}'s client failed: {type(error).__name__}")


def _kind(status: int, code: str) -> type[StorageError]:
    if status == 404:
        return StorageNotFound
    # BlobImmutableDueToPolicy, or the code for a legal hold
    is_immutable = status == 409 and "Immutable" in code
    return StorageImmutable if is_immutable else StorageError


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))  # the SDK sets an Enum if it knows the code
