"""Captures in Blob storage, read only: the role Storage Blob Data Reader is enough."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient, StorageStreamDownloader

from shared.core.records.exchange.capture import CONTAINER, Capture, body_offset, load
from shared.errors import CaptureError
from view.errors import CaptureUnavailable
from view.options import CapturesAddress
from view.sources.credentials import identity

# What is read first of a capture: more than its header takes, unless headers are copied.
_HEADER_BYTES: Final = 64 * 1024
# A person waits: few tries, and short ones.
_OPTIONS: Final[dict[str, Any]] = {
    "retry_total": 1,
    "initial_backoff": 0,  # the SDK's 15 s
    "increment_base": 1,
    "random_jitter_range": 0.5,  # the SDK's 3 s
    "connection_timeout": 5,
    "read_timeout": 20,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureBeginning:
    """The beginning of a capture, or all of it."""

    capture: Capture
    stored_at: datetime | None  # precise to the second


class CaptureSource:
    """Reads captures. Every method raises CaptureUnavailable."""

    def __init__(self, address: CapturesAddress) -> None:
        """Connects with the first call."""
        self._address = address
        self._credential: AsyncTokenCredential | None = None
        self._client: BlobServiceClient | None = None

    async def aclose(self) -> None:
        """Close the clients."""
        if self._client is not None:
            await self._client.close()
        if self._credential is not None:
            await self._credential.close()

    async def beginning(self, name: str, body_bytes: int = 0) -> CaptureBeginning:
        """A capture with at least the first `body_bytes` of its body."""
        with _unavailable():
            download = await self._download(name, 0, _HEADER_BYTES + body_bytes)
            return CaptureBeginning(
                capture=load(await download.readall()),
                stored_at=download.properties.last_modified,
            )

    async def body(self, name: str) -> AsyncGenerator[bytes]:
        """The whole body, in pieces. What goes wrong is raised before the first one."""
        with _unavailable():
            header = await (await self._download(name, 0, _HEADER_BYTES)).readall()
            start = body_offset(header)
            pieces = (await self._download(name, start, None)).chunks()
        async for piece in pieces:
            yield piece

    async def whole(self, name: str) -> Capture:
        """A capture with all of its body. Raises CaptureError if the blob is none."""
        with _unavailable():
            data = await (await self._download(name, 0, None)).readall()
        return load(data)

    async def names(self, prefix: str) -> AsyncIterator[str]:
        """The names of the captures below a prefix, in their order."""
        container = self._blob_service().get_container_client(CONTAINER)
        pages = container.list_blob_names(name_starts_with=prefix).by_page()
        while True:
            with _unavailable():
                page = await anext(pages, None)
                names = [name async for name in page] if page is not None else None
            if names is None:
                return
            for name in names:
                yield name

    async def _download(
        self, name: str, start: int, length: int | None
    ) -> StorageStreamDownloader[bytes]:
        blob = self._blob_service().get_blob_client(CONTAINER, name)
        return await blob.download_blob(offset=start, length=length)

    def _blob_service(self) -> BlobServiceClient:
        if self._client is None:
            if not self._address.connection_string:
                self._credential = identity()
            self._client = connect(self._address, self._credential)
        return self._client


def connect(
    address: CapturesAddress, credential: AsyncTokenCredential | None = None
) -> BlobServiceClient:
    """The SDK's client, which connects with its first call. `credential`: for an address without a
    connection string.
    """
    if address.connection_string:
        return BlobServiceClient.from_connection_string(address.connection_string, **_OPTIONS)
    return BlobServiceClient(address.blob_service_uri or "", credential=credential, **_OPTIONS)


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Say what went wrong and what to do, without anything secret."""
    try:
        yield
    except ResourceNotFoundError:
        raise CaptureUnavailable(
            "the capture is gone: captures are kept for CAPTURE_RETENTION_DAYS", status=404
        ) from None
    except CaptureError as error:
        raise CaptureUnavailable(f"the capture cannot be read: {error}", status=409) from None
    except HttpResponseError as error:
        raise CaptureUnavailable(_problem_of(error), status=409) from None
    except (AzureError, OSError, ValueError) as error:
        raise CaptureUnavailable(
            "the storage account cannot be reached: check CAPTURES_STORAGE__blobServiceUri, and whether its network "
            f"lets this machine in ({type(error).__name__})",
            status=409,
        ) from None


def _problem_of(error: HttpResponseError) -> str:
    if error.status_code in {401, 403}:
        return (
            "the storage account refused the view's credentials: the role Storage Blob Data Reader is needed on the "
            "container captures, and `az login`"
        )
    return f"the storage account answered {error.status_code}"
