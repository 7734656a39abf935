"""The content policy as the relay and enrichment use it, and its form for a policy in a setting."""

from __future__ import annotations

from typing import Final, Protocol

from shared.core.content.detect.custom import CustomPatterns
from shared.core.content.policy import NO_POLICY_RULE, ContentPolicy
from shared.core.wire.content_mode import STRICTEST

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
