"""The storage SDK's exceptions become fnsse's, and lose their texts."""

from __future__ import annotations

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.storage.blob import StorageErrorCode

from shared.adapters.storage.errors import error_for_caller, error_for_status, storage_errors
from shared.errors import StorageError, StorageImmutable, StorageNotFound

ADDRESS = "https://contoso.blob.core.windows.net/captures?sig=secret"


def sample_answer(error: HttpResponseError, status: int, code: object) -> HttpResponseError:
    """The exception as the SDK's process_storage_error raises it."""
    error.status_code = status
    error.error_code = code  # type: ignore[attr-defined]  # as the SDK does
    return error


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (
            sample_answer(ResourceNotFoundError(ADDRESS), 404, StorageErrorCode.BLOB_NOT_FOUND),
            StorageNotFound,
            "storage refused: 404 BlobNotFound",
        ),
        (
            sample_answer(HttpResponseError(ADDRESS), 503, "ServerBusy"),
            StorageError,
            "storage refused: 503 ServerBusy",
        ),
        (
            sample_answer(ClientAuthenticationError(ADDRESS), 403, None),
            StorageError,
            "storage refused: 403",
        ),
        (
            ServiceRequestError(ADDRESS),
            StorageError,
            "storage did not answer: ServiceRequestError",
        ),
        (OSError(ADDRESS), StorageError, "storage did not answer: OSError"),
        (TimeoutError(ADDRESS), StorageError, "storage did not answer: TimeoutError"),
    ],
)
def test_an_error_is_translated(raised: Exception, kind: type[StorageError], message: str) -> None:
    """The message holds a status and a code, or the exception's type, and nothing else."""
    with pytest.raises(StorageError) as error_info, storage_errors():
        raise raised
    assert type(error_info.value) is kind
    assert str(error_info.value) == message


def test_status_and_code_can_be_read() -> None:
    """A caller decides by them whether to retry."""
    with pytest.raises(StorageError) as error_info, storage_errors():
        raise sample_answer(HttpResponseError(), 429, "Throttled")
    assert (error_info.value.status, error_info.value.code) == (429, "Throttled")


def test_a_blob_that_must_stay_has_an_error_of_its_own() -> None:
    """No retry helps. Another conflict is not one of these."""
    with pytest.raises(StorageImmutable), storage_errors():
        raise sample_answer(ResourceExistsError(), 409, "BlobImmutableDueToPolicy")
    assert not isinstance(error_for_status(409, "LeaseIdMissing"), StorageImmutable)


def test_an_error_of_fnsse_passes() -> None:
    """An adapter that calls another one does not translate twice."""
    error = StorageNotFound("storage refused: 404", status=404)
    with pytest.raises(StorageNotFound) as error_info, storage_errors():
        raise error
    assert error_info.value is error


@pytest.mark.parametrize("kind", [StorageError, StorageNotFound, StorageImmutable])
def test_callers_of_one_call_get_errors_of_its_class(kind: type[StorageError]) -> None:
    """Each gets one of its own, with the response's status and code."""
    error = kind("storage refused: 404 QueueNotFound", status=404, code="QueueNotFound")
    copy = error_for_caller(error, "queue")
    assert copy is not error
    assert (type(copy), str(copy)) == (kind, str(error))
    assert (copy.status, copy.code) == (404, "QueueNotFound")
