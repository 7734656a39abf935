"""The start of one run of reconcile at a time, with a lease in Azurite."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import azure.durable_functions as df
import pytest

from blueprints.completeness import reconcile
from shared.adapters.blobs.start_lease import StartLease
from shared.core.records.orchestration.reconcile_state import ReconcileOptions
from shared.errors import StorageError
from shared.settings.timeouts import START_LEASE_S, START_S
from tests.integration.support.azurite import sample_storage

pytestmark = pytest.mark.anyio
Status = df.OrchestrationRuntimeStatus
OPTIONS = ReconcileOptions(max_age_s=1, include_open=True)


class Durable:
    """A client of Durable, which replaces a running instance of the same id."""

    def __init__(self, *, fails: int = 0, silent: str = "") -> None:
        """`silent`: the method that does not end."""
        self.starts = 0
        self._fails = fails
        self._silent = silent
        self._status: Any = None

    async def get_status(self, instance: str) -> Any:
        status = SimpleNamespace(runtime_status=self._status)
        await self._answer("get_status")
        return status

    async def start_new(self, *_: Any) -> None:
        await self._answer("start_new")
        if self._fails:
            self._fails -= 1
            raise RuntimeError("Durable is away")
        self.starts += 1
        self._status = Status.Pending

    async def _answer(self, method: str) -> None:
        if method == self._silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0.05)


def start(durable: Durable, lease: StartLease) -> Any:
    client = cast("df.DurableOrchestrationClient", durable)
    return reconcile.start_run(client, lease, OPTIONS)


async def test_of_ten_starts_at_once_one_starts_a_run(azurite: str) -> None:
    """That holds the first time as well, when the blob does not exist. No other start follows while
    the run is active.
    """
    storages = [sample_storage(azurite) for _ in range(10)]
    durable = Durable()
    leases = [StartLease(storage, "locks/ten") for storage in storages]
    for _ in range(2):
        started = await asyncio.gather(*(start(durable, lease) for lease in leases))
        assert durable.starts == 1
    assert not any(started)
    for storage in storages:
        await storage.aclose()


async def test_a_start_that_fails_leaves_no_lease(azurite: str) -> None:
    """The next start succeeds."""
    storage = sample_storage(azurite)
    durable, lease = Durable(fails=1), StartLease(storage, "locks/failed")
    with pytest.raises(RuntimeError):
        await start(durable, lease)
    assert await start(durable, lease)
    await storage.aclose()


@pytest.mark.parametrize("silent", ["get_status", "start_new"])
async def test_a_start_ends_before_its_lease_does(azurite: str, silent: str) -> None:
    """It fails, and no other start succeeds while the lease lasts: Durable may still carry out the
    first one.
    """
    storage = sample_storage(azurite)
    name = f"locks/{silent}"
    async with StartLease(storage, name).hold():
        pass  # the blob exists
    async with asyncio.timeout(20):
        with pytest.raises(StorageError, match="nothing was started"):
            await start(Durable(silent=silent), StartLease(storage, name, timeout_s=2))
    assert not await start(Durable(), StartLease(storage, name))
    await storage.aclose()


def test_a_start_has_less_time_than_its_lease() -> None:
    assert START_S < START_LEASE_S


async def test_a_lease_is_held_by_one_at_a_time(azurite: str) -> None:
    """A second caller gets no lease while another holds it; afterwards it is free."""
    storage = sample_storage(azurite)
    lease = StartLease(storage, "locks/held")
    async with lease.hold() as first, lease.hold() as second:
        assert (first, second) == (True, False)
    async with lease.hold() as third:
        assert third
    await storage.aclose()
