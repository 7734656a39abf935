"""When keys are fetched: ahead of need, again in time, soon after a failure, and for an unknown key
not too often.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field

import pytest

from harness.waiting import poll_until_async
from shared.access.key_renewal import KeyRenewal, RenewalPace
from shared.core.wire.token.caller_token import TokenAccepted, TokenRejected
from shared.errors import SigningKeysUnavailable

pytestmark = pytest.mark.anyio
NEVER_S = 3600.0
DEADLINE_S = 20


@dataclass(frozen=True)
class Keys:
    """The used part of a tenant's keys."""

    ids: tuple[str, ...]

    def has(self, key_id: str) -> bool:
        return key_id in self.ids

    def verify(
        self, token: bytes, key_id: str, audiences: Collection[str]
    ) -> TokenAccepted | TokenRejected:
        raise NotImplementedError


@dataclass
class GatedTenant:
    """Publishes `keys`; raises `failure` if it is set, and answers only while `open` is set."""

    keys: Keys = Keys(("a",))
    failure: Exception | None = None
    fetches: int = 0
    now: float = 1000.0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def fetch(self) -> Keys:
        self.fetches += 1
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return Keys(self.keys.ids)  # a new object each time

    async def wait_for_fetches(self, times: int) -> None:
        """Returns when the keys have been asked for so often."""
        await poll_until_async(lambda: self.fetches >= times, "the keys are fetched")


@pytest.fixture
def tenant() -> GatedTenant:
    return GatedTenant()


type KeyRenewals = Callable[..., KeyRenewal]


@pytest.fixture
async def renewing(tenant: GatedTenant) -> AsyncIterator[KeyRenewals]:
    """Makes renewals whose own timers never fire within a test, unless the test sets their pace;
    they are ended afterwards.
    """
    renewals: list[KeyRenewal] = []

    def make(**pace: float) -> KeyRenewal:
        slow = {"renew_s": NEVER_S, "first_retry_s": NEVER_S, "longest_retry_s": NEVER_S}
        renewals.append(KeyRenewal(tenant.fetch, RenewalPace(**(slow | pace)), lambda: tenant.now))
        return renewals[-1]

    yield make
    for one in renewals:
        await one.aclose()


async def test_keys_are_fetched_before_the_first_call(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    renewal = renewing()
    renewal.begin()
    renewal.begin()
    await tenant.wait_for_fetches(1)
    await asyncio.sleep(0)
    assert renewal.keys == Keys(("a",))
    assert await renewal.current() is renewal.keys
    assert tenant.fetches == 1


def test_outside_of_an_event_loop_nothing_begins(tenant: GatedTenant) -> None:
    renewal = KeyRenewal(tenant.fetch)
    renewal.begin()
    assert asyncio.run(renewal.current()) == Keys(("a",))  # the first need makes up for it


async def test_early_callers_share_the_first_fetch(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    """They come before it has ended."""
    renewal = renewing()
    tenant.open.clear()
    asking = [asyncio.create_task(renewal.current()) for _ in range(20)]
    await tenant.wait_for_fetches(1)
    asking[0].cancel()  # its client disconnected
    tenant.open.set()
    assert await asyncio.gather(*asking[1:]) == [Keys(("a",))] * 19
    assert tenant.fetches == 1


async def test_they_are_renewed_while_callers_get_those_that_are_there(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    renewal = renewing(renew_s=0.01)
    await renewal.current()
    tenant.open.clear()
    await tenant.wait_for_fetches(2)
    before = renewal.keys
    assert await asyncio.wait_for(renewal.current(), DEADLINE_S) is before
    tenant.keys = Keys(("a", "b"))
    tenant.open.set()
    await tenant.wait_for_fetches(3)
    assert renewal.keys == Keys(("a", "b"))


async def test_the_same_keys_stay_the_same_object(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    """Unchanged keys keep cached checks valid."""
    renewal = renewing(renew_s=0.005)
    first = await renewal.current()
    await tenant.wait_for_fetches(4)
    assert renewal.keys is first


async def test_a_failure_without_keys_is_raised_at_once(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    """The fetch is tried again soon."""
    renewal = renewing(first_retry_s=0.05, longest_retry_s=0.1)
    tenant.failure = SigningKeysUnavailable("status 503")
    with pytest.raises(SigningKeysUnavailable):
        await renewal.current()
    tried = tenant.fetches
    with pytest.raises(SigningKeysUnavailable):
        await renewal.probe()
    assert tenant.fetches == tried
    await tenant.wait_for_fetches(5)
    tenant.failure = None
    await tenant.wait_for_fetches(tenant.fetches + 1)
    await asyncio.sleep(0)
    assert await renewal.current() == Keys(("a",))
    await renewal.probe()


async def test_tries_after_failures_come_at_growing_distances(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    renewal = renewing(first_retry_s=1, longest_retry_s=15)
    tenant.failure = SigningKeysUnavailable("x")
    waits = []
    for _ in range(7):
        await asyncio.wait({renewal.renew_now()})
        waits.append(renewal.next_wait_s())
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    tenant.failure = None
    await asyncio.wait({renewal.renew_now()})
    assert renewal.next_wait_s() == NEVER_S


async def test_keys_outlive_failures_for_a_day_and_no_longer(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    renewal = renewing(trust_s=86_400)
    await renewal.current()
    tenant.failure = SigningKeysUnavailable("x")
    tenant.now += 86_400
    await asyncio.wait({renewal.renew_now()})
    assert await renewal.current() == Keys(("a",))
    tenant.now += 1
    await asyncio.wait({renewal.renew_now()})
    with pytest.raises(SigningKeysUnavailable):
        await renewal.current()


async def test_an_unknown_key_is_fetched_for_and_found(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    """A tenant in need replaces its keys without an announcement."""
    renewal = renewing()
    await renewal.current()
    tenant.keys = Keys(("b",))
    results = await asyncio.gather(*(renewal.current_with("b") for _ in range(20)))
    assert all(keys.has("b") for keys in results)
    assert tenant.fetches == 2


async def test_unknown_keys_cost_one_fetch_per_interval(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    renewal = renewing(unknown_key_s=60)
    for _ in range(5):
        assert not (await renewal.current_with("none")).has("none")
    assert tenant.fetches == 2
    tenant.now += 59.9
    await renewal.current_with("another")
    assert tenant.fetches == 2
    tenant.now += 0.1
    await renewal.current_with("another")
    assert tenant.fetches == 3


async def test_a_known_key_waits_for_no_fetch(tenant: GatedTenant, renewing: KeyRenewals) -> None:
    renewal = renewing()
    await renewal.current()
    tenant.open.clear()
    unknown = asyncio.create_task(renewal.current_with("none"))
    await tenant.wait_for_fetches(2)
    assert (await asyncio.wait_for(renewal.current_with("a"), DEADLINE_S)).has("a")
    tenant.open.set()
    await unknown


async def test_a_tenant_that_says_nothing_is_given_up(
    tenant: GatedTenant, renewing: KeyRenewals, caplog: pytest.LogCaptureFixture
) -> None:
    renewal = renewing(fetch_s=0.02)
    tenant.open.clear()
    with pytest.raises(SigningKeysUnavailable):
        await renewal.current()
    assert "could not be fetched: nothing within 0.02 s" in caplog.text


async def test_a_failure_is_logged_once_by_the_next_caller(
    tenant: GatedTenant, renewing: KeyRenewals, caplog: pytest.LogCaptureFixture
) -> None:
    """The Functions host shows only what is logged while a function runs."""
    renewal = renewing()
    await renewal.current()
    tenant.failure = SigningKeysUnavailable("status 500")
    await asyncio.wait({renewal.renew_now()})
    assert caplog.messages == []
    for _ in range(3):
        await renewal.probe()
    assert caplog.messages == [
        "The signing keys of the callers' Entra tenant could not be fetched: status 500"
    ]


async def test_a_bug_ends_one_try_and_not_the_renewal(
    tenant: GatedTenant, renewing: KeyRenewals
) -> None:
    renewal = renewing(first_retry_s=0.01)
    tenant.failure = KeyError("a bug")
    failing = renewal.renew_now()
    await asyncio.wait({failing})
    assert isinstance(failing.exception(), KeyError)
    tenant.failure = None
    await tenant.wait_for_fetches(2)
    await asyncio.sleep(0)
    assert await renewal.current() == Keys(("a",))


async def test_nothing_is_fetched_after_the_end(tenant: GatedTenant, renewing: KeyRenewals) -> None:
    renewal = renewing(renew_s=0.001, first_retry_s=0.001)
    tenant.open.clear()
    renewal.begin()
    await tenant.wait_for_fetches(1)
    await renewal.aclose()
    tenant.open.set()
    await asyncio.sleep(0.02)
    assert tenant.fetches == 1
