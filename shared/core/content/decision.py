"""The decision of which content mode an exchange has, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.core.content.policy import ContentPolicy, ContentRule
from shared.core.wire.content_mode import STRICTEST, ContentMode

CONTENT_MODE_HEADER: Final = "x-fnsse-content"


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentDecision:
    """The content mode of one exchange."""

    mode: ContentMode = ContentMode.FULL
    # its origin: CONTENT_MODE, CONTENT_POLICY, `rule ` and a name, x-fnsse-content, or `no policy`
    rule: str | None = None
    # after how many days the captures are erased; None: after CAPTURE_RETENTION_DAYS
    retention_days: int | None = None


def decide(
    policy: ContentPolicy, subject: Mapping[str, str | None], requested_modes: Iterable[str] = ()
) -> ContentDecision:
    """The mode by the policy, or a stricter one that the caller requests.

    `subject` holds the known properties of the exchange, by the names of policy.CONDITIONS.
    `requested_modes` are the values of the caller's x-fnsse-content headers. A value that is not a
    mode counts as the strictest: its sender wants something left out.
    """
    decision = _by_policy(policy, subject)
    for requested in requested_modes:
        mode = _requested_mode(requested)
        if mode.strictness > decision.mode.strictness:
            decision = replace(decision, mode=mode, rule=CONTENT_MODE_HEADER)
    return decision


def _requested_mode(requested: str) -> ContentMode:
    word = requested.strip().lower()
    return ContentMode(word) if word in list(ContentMode) else STRICTEST


def _by_policy(policy: ContentPolicy, subject: Mapping[str, str | None]) -> ContentDecision:
    """The decision of the first rule that holds. If the deployment is not known yet, it has the
    strictest mode and the shortest retention of all rules that may be the first.
    """
    possible: list[ContentDecision] = []
    for rule in policy.rules:
        holds = _holds(rule, subject)
        if holds is not False:
            possible.append(_decision(rule.mode, f"rule {rule.name}", rule.retention_days))
        if holds:
            break
    else:
        possible.append(_decision(policy.default, policy.default_rule, policy.retention_days))
    strictest = max(possible, key=lambda decision: decision.mode.strictness)
    shortest = min(filter(None, (decision.retention_days for decision in possible)), default=None)
    return replace(strictest, retention_days=shortest)


def _decision(mode: ContentMode, rule: str, retention_days: int | None) -> ContentDecision:
    return ContentDecision(mode=mode, rule=rule, retention_days=retention_days)


def _holds(rule: ContentRule, subject: Mapping[str, str | None]) -> bool | None:
    """Whether every condition holds. None: that depends on the deployment, which the request's
    body may name.
    """
    unknown = False
    for name, values in rule.conditions.items():
        value = subject.get(name)
        if name == "deployment" and value is None:
            unknown = True
        elif value is None or value.casefold() not in values:
            return False
    return None if unknown else True
