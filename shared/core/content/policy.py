"""The content policy: which callers and deployments have which content mode.

    {"default": "metadata",
     "rules": [{"name": "tests", "product": "sandbox", "deployment": ["gpt-4o"], "mode": "full",
                "retention_days": 3}],
     "patterns": {"employee": "E-\\d{6}"}, "words": {"project": ["Falcon"]}}

The first rule of which every condition holds counts. A condition is a text or an array of texts;
case does not matter. A member that the app does not know makes a policy malformed: a misspelt
condition that is ignored would hold for everyone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.core.content.detect.custom import NO_PATTERNS, CustomPatterns
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json import json_shape
from shared.core.wire.json.json_shape import Json, JsonObject
from shared.errors import ContentPolicyError

# The conditions of a rule. All but the deployment are facts of API Management about the caller.
CONDITIONS: Final[tuple[str, ...]] = ("product", "subscription", "user", "team", "deployment")
# The event's `content_rule` while the policy is in a blob that has held none yet.
NO_POLICY_RULE: Final = "no policy"
NOT_ANALYZED_RULE: Final = "not analyzed"  # the analyzer took too long
_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_KIND: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_MAX_RULES: Final = 1000
MAX_DAYS: Final = 3650  # the most that CAPTURE_RETENTION_DAYS may be


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentRule:
    """A rule: the mode of the exchanges for which all its conditions hold."""

    name: str
    conditions: Mapping[str, frozenset[str]]  # name -> the values for which it holds, casefolded
    mode: ContentMode
    # after how many days their captures are erased; None: after CAPTURE_RETENTION_DAYS
    retention_days: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPolicy:
    """The mode of every exchange."""

    default: ContentMode = ContentMode.FULL  # the mode if no rule holds
    # the origin of the default: CONTENT_MODE, CONTENT_POLICY, or that there is no policy
    default_rule: str = "CONTENT_MODE"
    retention_days: int | None = None  # the retention if no rule holds
    rules: tuple[ContentRule, ...] = ()
    custom: CustomPatterns = NO_PATTERNS  # redacted in addition to the built-in ones


def parse(text: str, default: ContentMode, max_days: int = MAX_DAYS) -> ContentPolicy:
    """The policy in JSON. `default` is its default mode unless it names one; no retention is longer
    than `max_days`. Raises ContentPolicyError, which names the mistake and its rule.
    """
    document = json_shape.parse(text)
    if not isinstance(document, dict):
        raise ContentPolicyError("it is not a JSON object")
    _check_members(
        "the policy", document, ("default", "retention_days", "rules", "patterns", "words")
    )
    rules = document.get("rules", [])
    if not isinstance(rules, list) or len(rules) > _MAX_RULES:
        raise ContentPolicyError(f"`rules` is not an array of at most {_MAX_RULES} rules")
    parsed = tuple(_rule(number, rule, max_days) for number, rule in enumerate(rules, start=1))
    if len({rule.name for rule in parsed}) < len(parsed):
        raise ContentPolicyError("two rules have the same name")
    custom = _custom_patterns(document.get("patterns", {}), document.get("words", {}))
    policy = ContentPolicy(
        default=default,
        retention_days=_retention("the policy", document, max_days),
        rules=parsed,
        custom=custom,
    )
    if "default" not in document:
        return policy
    mode = _mode("the policy's `default`", document["default"])
    return replace(policy, default=mode, default_rule="CONTENT_POLICY")


def _custom_patterns(patterns: Json, words: Json) -> CustomPatterns:
    if not isinstance(patterns, dict) or not isinstance(words, dict):
        raise ContentPolicyError("`patterns` and `words` are not JSON objects")
    for kind in (*patterns, *words):
        if not _KIND.fullmatch(kind) or (kind in patterns and kind in words):
            raise ContentPolicyError(
                "a name in `patterns` or `words` is not one of lower-case letters, digits and _, "
                "or is in both"
            )
    custom = CustomPatterns(
        patterns={kind: _pattern(kind, pattern) for kind, pattern in patterns.items()},
        words={kind: _words(kind, values) for kind, values in words.items()},
    )
    if patterns or words:
        from shared.core.content.detect.redactor import Redactor  # takes 30 ms to import

        Redactor(custom)  # raises for a pattern that it cannot search for
    return custom


def _pattern(kind: str, value: Json) -> str:
    if not isinstance(value, str):
        raise ContentPolicyError(f"the pattern `{kind}` is not a text")
    return value


def _words(kind: str, value: Json) -> tuple[str, ...]:
    words = value if isinstance(value, list) else []
    texts = tuple(word for word in words if isinstance(word, str) and word.strip())
    if not texts or len(texts) < len(words):
        raise ContentPolicyError(f"the words of `{kind}` are not an array of texts")
    return texts


def _rule(number: int, value: Json, max_days: int) -> ContentRule:
    if not isinstance(value, dict):
        raise ContentPolicyError(f"rule {number} is not a JSON object")
    name = value.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ContentPolicyError(f"rule {number} has no name of letters, digits, - and _")
    subject = f"rule {number} ({name})"
    _check_members(subject, value, ("name", "mode", "retention_days", *CONDITIONS))
    conditions = {part: _values(subject, part, value[part]) for part in CONDITIONS if part in value}
    if not conditions:
        raise ContentPolicyError(f"{subject} has no condition; `default` is for everyone else")
    return ContentRule(
        name=name,
        conditions=conditions,
        mode=_mode(f"the mode of {subject}", value.get("mode")),
        retention_days=_retention(subject, value, max_days),
    )


def _retention(subject: str, value: JsonObject, max_days: int) -> int | None:
    if "retention_days" not in value:
        return None
    days = value["retention_days"]
    if type(days) is not int or not 1 <= days <= max_days:
        raise ContentPolicyError(
            f"`retention_days` of {subject} is not a number of days from 1 to {max_days} "
            "(CAPTURE_RETENTION_DAYS)"
        )
    return days


def _check_members(subject: str, value: JsonObject, allowed: tuple[str, ...]) -> None:
    if value.keys() - set(allowed):
        raise ContentPolicyError(f"{subject} has a member that is none of {', '.join(allowed)}")


def _mode(subject: str, value: Json) -> ContentMode:
    if not isinstance(value, str) or value not in list(ContentMode):
        raise ContentPolicyError(f"{subject} is none of {', '.join(ContentMode)}")
    return ContentMode(value)


def _values(subject: str, condition: str, value: Json) -> frozenset[str]:
    values = value if isinstance(value, list) else [value]
    texts = [text.casefold() for text in values if isinstance(text, str) and text]
    if not texts or len(texts) < len(values):
        raise ContentPolicyError(
            f"`{condition}` of {subject} is neither a text nor an array of texts"
        )
    return frozenset(texts)
