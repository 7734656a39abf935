"""The policy in a blob: a new version counts, a broken or missing one does not replace the last,
and without one the strictest mode counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from harness.waiting import poll_until_async
from shared.content.policy_source import (
    MAX_BYTES,
    NO_POLICY,
    FixedPolicy,
    PolicyPace,
    PolicyRenewal,
)
from shared.core.content.detect.custom import NO_PATTERNS, CustomPatterns
from shared.core.content.policy import ContentPolicy
from shared.core.wire.content_mode import ContentMode
from shared.errors import StorageError, StorageNotFound

pytestmark = pytest.mark.anyio
DEADLINE_S = 20
OFTEN = PolicyPace(every_s=0.001, first_retry_s=0.001)
REDACTED = json.dumps({"default": "redacted", "words": {"project": ["Falcon"]}}).encode()
FULL = b'{"default": "full"}'
BROKEN = b'{"default": "fulll"}'


@dataclass
class Blob:
    """Holds `data`, or raises it if it is an exception; answers only while `open` is set."""

    data: bytes | Exception
    reads: int = 0
    transfers: int = 0  # reads that gave a version
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def read(self, known_etag: str | None, max_bytes: int) -> tuple[bytes, str] | None:
        self.reads += 1
        await self.open.wait()
        if isinstance(self.data, Exception):
            raise self.data
        etag = str(hash(self.data))
        if etag == known_etag:
            return None
        self.transfers += 1
        return self.data[:max_bytes], etag

    async def read_again(self) -> None:
        """Returns when a read that begins after this one has ended, and its result counts."""
        enough = self.reads + 2  # the first of them may be under way
        await poll_until_async(lambda: self.reads >= enough, "the policy is read again")


type PolicyRenewals = Callable[..., PolicyRenewal]


@pytest.fixture
async def renewing() -> AsyncIterator[PolicyRenewals]:
    renewals: list[PolicyRenewal] = []

    def make(
        blob: Blob, pace: PolicyPace = OFTEN, default: ContentMode = ContentMode.FULL
    ) -> PolicyRenewal:
        renewals.append(PolicyRenewal(blob, default, pace))
        return renewals[-1]

    yield make
    for one in renewals:
        await one.aclose()


async def test_until_the_first_read_the_mode_is_strictest(renewing: PolicyRenewals) -> None:
    blob = Blob(FULL)
    blob.open.clear()
    renewal = renewing(blob)
    assert renewal.policy() is NO_POLICY
    assert (NO_POLICY.default, NO_POLICY.default_rule) == ("metadata", "no policy")
    blob.open.set()
    await blob.read_again()
    assert renewal.policy().default is ContentMode.FULL


async def test_a_new_version_takes_effect(
    renewing: PolicyRenewals, caplog: pytest.LogCaptureFixture
) -> None:
    """A version that was read is not transferred again."""
    blob = Blob(FULL)
    renewal = renewing(blob)
    renewal.begin()
    await blob.read_again()
    assert (renewal.policy().default, blob.transfers) == ("full", 1)
    assert caplog.messages == []
    blob.data = REDACTED
    await blob.read_again()
    assert (renewal.policy().default, blob.transfers) == ("redacted", 2)
    assert caplog.messages == [
        "The content policy: another version of it counts from now on, of 0 rules"
    ]
    assert renewal.degradation() is None


async def test_a_policy_without_a_default_takes_the_setting(renewing: PolicyRenewals) -> None:
    blob = Blob(b"\xef\xbb\xbf{}")  # as editors on Windows begin a file
    renewal = renewing(blob, default=ContentMode.REDACTED)
    renewal.begin()
    await blob.read_again()
    assert renewal.policy() == ContentPolicy(default=ContentMode.REDACTED)


BAD: dict[str, tuple[bytes | Exception, str, str]] = {
    "broken": (BROKEN, "does not hold a policy", "the policy's `default` is none of full"),
    "empty": (b"", "does not hold a policy", "it is not a JSON object"),
    "not text": (b"\xff\xfe{}", "does not hold a policy", "it is not UTF-8"),
    "too large": (b" " * (MAX_BYTES + 1) + b"{}", "does not hold a policy", "larger than 256 KB"),
    "missing": (StorageNotFound("storage refused: 404"), "does not exist", "upload a policy"),
    "unreadable": (StorageError("storage refused: 503"), "cannot be read", "refused: 503"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_not_a_policy_does_not_replace_the_last_one(
    name: str, renewing: PolicyRenewals, caplog: pytest.LogCaptureFixture
) -> None:
    data, problem, detail = BAD[name]
    blob = Blob(REDACTED)
    renewal = renewing(blob)
    renewal.begin()
    await blob.read_again()
    blob.data = data
    await blob.read_again()
    await blob.read_again()
    assert renewal.policy().default is ContentMode.REDACTED
    assert await renewal.custom_patterns() == CustomPatterns(words={"project": ("Falcon",)})
    (line,) = caplog.messages  # once, however often the blob is read
    assert problem in line
    assert detail in line
    assert line.endswith("; the last policy that was read counts")
    reason = f"the blob of CONTENT_POLICY {problem}; the last policy that was read counts"
    assert renewal.degradation() == reason
    blob.data = FULL
    await blob.read_again()
    assert (renewal.policy().default, renewal.degradation()) == ("full", None)


@pytest.mark.parametrize("name", BAD)
async def test_without_an_earlier_policy_the_strictest_mode_counts(
    name: str, renewing: PolicyRenewals, caplog: pytest.LogCaptureFixture
) -> None:
    blob = Blob(BAD[name][0])
    renewal = renewing(blob)
    renewal.begin()
    await blob.read_again()
    assert renewal.policy() is NO_POLICY
    counts = "; the mode metadata counts for every exchange"
    assert caplog.messages[0].endswith(counts)
    assert (renewal.degradation() or "").endswith(counts)


async def test_a_malformed_version_stays_so_after_an_outage(renewing: PolicyRenewals) -> None:
    """Storage says that it has not changed, and sends nothing."""
    blob = Blob(BROKEN)
    renewal = renewing(blob)
    renewal.begin()
    await blob.read_again()
    blob.data = StorageError("storage refused: 503")
    await blob.read_again()
    assert "cannot be read" in (renewal.degradation() or "")
    blob.data = BROKEN
    await blob.read_again()
    assert "does not hold a policy" in (renewal.degradation() or "")
    assert blob.transfers == 1


async def test_a_read_that_takes_too_long_is_given_up(renewing: PolicyRenewals) -> None:
    blob = Blob(FULL)
    blob.open.clear()
    renewal = renewing(blob, PolicyPace(every_s=0.001, first_retry_s=0.001, read_s=0.001))
    renewal.begin()
    await blob.read_again()
    assert "cannot be read" in (renewal.degradation() or "")
    blob.open.set()
    await blob.read_again()
    assert renewal.policy().default is ContentMode.FULL


async def test_redaction_waits_for_the_first_read(renewing: PolicyRenewals) -> None:
    blob = Blob(REDACTED)
    blob.open.clear()
    renewal = renewing(blob)
    asking = asyncio.create_task(renewal.custom_patterns())
    await asyncio.sleep(0)
    assert not asking.done()
    blob.open.set()
    assert await asking == CustomPatterns(words={"project": ("Falcon",)})


async def test_redaction_does_not_guess_what_it_may_look_for(renewing: PolicyRenewals) -> None:
    """If storage is down, the queue tries again; if there is no policy, no text may go out."""
    blob = Blob(StorageError("storage refused: 503"))
    renewal = renewing(blob)
    with pytest.raises(StorageError):
        await renewal.custom_patterns()
    blob.data = BROKEN
    await blob.read_again()
    assert await renewal.custom_patterns() is None


def test_outside_of_an_event_loop_nothing_begins() -> None:
    blob = Blob(FULL)
    renewal = PolicyRenewal(blob, ContentMode.FULL)
    renewal.begin()
    assert renewal.policy() is NO_POLICY
    assert blob.reads == 0


async def test_a_policy_of_the_settings_is_there_at_once() -> None:
    settled = FixedPolicy(ContentPolicy(default=ContentMode.REDACTED))
    settled.begin()
    assert settled.policy().default is ContentMode.REDACTED
    assert await settled.custom_patterns() is NO_PATTERNS
    assert settled.degradation() is None
