"""The content policy in force: that of a setting, or that of a blob, whose change counts without a
restart.

The blob is read in the background, every 10 to 30 s, and only if its ETag is another. A blob that
is malformed or gone does not replace the last policy that was read. Until the first policy was
read, the strictest mode counts, and no exchange waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

from shared.concurrency.periodic import PeriodicTask
from shared.core.content import policy
from shared.core.content.detect.custom import CustomPatterns
from shared.core.content.policy import NO_POLICY_RULE, ContentPolicy
from shared.core.wire.content_mode import STRICTEST, ContentMode
from shared.errors import ContentPolicyError, StorageError, StorageNotFound
from shared.ports.blobs import PolicyStore

_log = logging.getLogger("fnsse.content")

MAX_BYTES: Final = 256 * 1024  # a larger policy would take the relay's worker too long to parse
_BROKEN: Final = "the blob of CONTENT_POLICY does not hold a policy"
_MISSING: Final = "the blob of CONTENT_POLICY does not exist"
_UNREADABLE: Final = "the blob of CONTENT_POLICY cannot be read"
# The policy in force while none was read.
NO_POLICY: Final = ContentPolicy(default=STRICTEST, default_rule=NO_POLICY_RULE)


class PolicySource(Protocol):
    """The policy in force."""

    def policy(self) -> ContentPolicy:
        """The policy for an exchange that begins. Neither waits nor raises."""
        ...

    async def custom_patterns(self) -> CustomPatterns | None:
        """The patterns to redact beside the built-in ones; None while there is no policy. Raises
        StorageError if none was ever read and the policy cannot be read now.
        """
        ...

    def begin(self) -> None:
        """Start to read ahead of need, if there is something to read and that has not begun."""
        ...

    def degradation(self) -> str | None:
        """The problem with the policy, for an anonymous reader; None if there is none."""
        ...


class FixedPolicy:
    """A policy that the settings hold: it changes with a restart alone."""

    def __init__(self, policy: ContentPolicy | None = None) -> None:
        self._policy = policy or ContentPolicy()

    def policy(self) -> ContentPolicy:
        return self._policy

    async def custom_patterns(self) -> CustomPatterns | None:
        return self._policy.custom

    def begin(self) -> None:
        """There is nothing to read."""

    def degradation(self) -> str | None:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyPace:
    """The pace of reading the blob, in seconds."""

    every_s: float = 20  # give or take half of it, so a change counts within 30 s
    first_retry_s: float = 5  # while no policy has been read
    read_s: float = 20  # the longest read


class PolicyRenewal:
    """Keeps the policy up to date. Belongs to the event loop in which it begins."""

    def __init__(
        self,
        store: PolicyStore,
        default: ContentMode,
        pace: PolicyPace | None = None,
        *,
        max_days: int = policy.MAX_DAYS,
    ) -> None:
        """`default`: the mode of a policy that names none; `max_days`: its longest retention."""
        self._store = store
        self._default = default
        self._max_days = max_days
        self._pace = pace or PolicyPace()
        self._policy: ContentPolicy | None = None  # the last that was read
        self._etag: str | None = None  # the ETag of the version that was read last, broken or not
        self._broken = False  # whether that version is malformed
        self._unread: str | None = None  # why the newest read gave no version: a text from above
        self._unlogged: list[tuple[int, str]] = []  # level and line
        self._reading = PeriodicTask(self._renew, self._next_wait_s)

    def begin(self) -> None:
        self._reading.begin()

    def policy(self) -> ContentPolicy:
        """The last policy that was read; the strictest mode if there was none."""
        self.begin()
        self._log_news()
        return self._policy or NO_POLICY

    async def custom_patterns(self) -> CustomPatterns | None:
        """The patterns of the last policy that was read. Waits for the first reading."""
        self.begin()
        if self._policy is None:
            await self._reading.wait()
        self._log_news()
        if self._policy is None and self._unread == _UNREADABLE:
            raise StorageError(_UNREADABLE)
        return self._policy.custom if self._policy else None

    def degradation(self) -> str | None:
        """Names the policy in force as well."""
        self.begin()
        self._log_news()
        problem = self._unread or (_BROKEN if self._broken else None)
        return f"{problem}; {self._in_force}" if problem else None

    async def aclose(self) -> None:
        """Read no more."""
        await self._reading.aclose()

    @property
    def _in_force(self) -> str:
        if self._policy is None:
            return f"the mode {NO_POLICY.default} counts for every exchange"
        return "the last policy that was read counts"

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(self._pace.read_s):
                version = await self._store.read(self._etag, MAX_BYTES + 1)
        except StorageNotFound:
            self._etag, self._broken = None, False
            self._record_failure(_MISSING, "upload a policy, or change the setting")
        except (StorageError, TimeoutError) as error:
            self._record_failure(
                _UNREADABLE, str(error) or f"nothing within {self._pace.read_s:g} s"
            )
        else:
            self._unread = None
            if version is not None:
                await self._replace(*version)

    def _next_wait_s(self) -> float:
        return self._pace.every_s if self._policy else self._pace.first_retry_s

    async def _replace(self, data: bytes, etag: str) -> None:
        had_one = self._policy is not None
        try:
            # patterns take some 10 ms to compile, and the module that does it 30 ms to import
            self._policy = await asyncio.to_thread(parse, data, self._default, self._max_days)
        except ContentPolicyError as error:
            if not self._broken or etag != self._etag:
                self._note(logging.ERROR, f"{_BROKEN}: {error}; {self._in_force}")
            self._broken = True
        else:
            self._broken = False
            if had_one:  # a warning: the policy decides what is recorded of every caller
                rules = len(self._policy.rules)
                self._note(
                    logging.WARNING, f"another version of it counts from now on, of {rules} rules"
                )
        self._etag = etag

    def _record_failure(self, problem: str, detail: str) -> None:
        if problem != self._unread:
            self._note(logging.ERROR, f"{problem}: {detail}; {self._in_force}")
        self._unread = problem

    def _note(self, level: int, text: str) -> None:
        self._unlogged.append((level, text))

    def _log_news(self) -> None:
        """Log the news since the last call. The host (4.1037) drops records from outside of
        an invocation, where the blob is read.
        """
        while self._unlogged:
            level, text = self._unlogged.pop(0)
            _log.log(level, "The content policy: %s", text)


def parse(data: bytes, default: ContentMode, max_days: int = policy.MAX_DAYS) -> ContentPolicy:
    """The policy in a blob. Raises ContentPolicyError."""
    if len(data) > MAX_BYTES:
        raise ContentPolicyError(f"it is larger than {MAX_BYTES // 1024} KB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ContentPolicyError("it is not UTF-8") from None
    return policy.parse(text, default, max_days)
