"""The content policy: which callers and deployments have which content mode.

    {"default": "metadata",
     "rules": [{"name": "tests", "product": "sandbox", "deployment": ["gpt-4o"], "mode": "full"}]}

The first rule of which every condition holds counts. A condition is a text or an array of texts;
case does not matter. Whatever the app does not know in a policy makes it malformed: a condition
that is misspelt and ignored would hold for everyone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.core.content.mode import ContentMode
from shared.core.wire.json import json_shape
from shared.core.wire.json.json_shape import Json, JsonObject
from shared.errors import ContentPolicyError

# What a rule may ask about. All but the deployment is what API Management says of a caller.
CONDITIONS: Final[tuple[str, ...]] = ("product", "subscription", "user", "team", "deployment")
_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_MAX_RULES: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentRule:
    """A rule: the mode of the exchanges for which all its conditions hold."""

    name: str
    conditions: Mapping[str, frozenset[str]]  # by name, the values for which it holds, casefolded
    mode: ContentMode


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPolicy:
    """The mode of every exchange."""

    default: ContentMode = ContentMode.FULL  # of an exchange for which no rule holds
    default_rule: str = "CONTENT_MODE"  # what set the default: the setting, or CONTENT_POLICY
    rules: tuple[ContentRule, ...] = ()


def parse(text: str, default: ContentMode) -> ContentPolicy:
    """The policy in JSON. `default` is its default mode unless it names one. Raises
    ContentPolicyError, which says what is wrong and in which rule.
    """
    document = json_shape.parse(text)
    if not isinstance(document, dict):
        raise ContentPolicyError("it is not a JSON object")
    _check_members("the policy", document, ("default", "rules"))
    rules = document.get("rules", [])
    if not isinstance(rules, list) or len(rules) > _MAX_RULES:
        raise ContentPolicyError(f"`rules` is not an array of at most {_MAX_RULES} rules")
    parsed = tuple(_rule(number, rule) for number, rule in enumerate(rules, start=1))
    if len({rule.name for rule in parsed}) < len(parsed):
        raise ContentPolicyError("two rules have the same name")
    if "default" not in document:
        return ContentPolicy(default=default, rules=parsed)
    mode = _mode("the policy's `default`", document["default"])
    return ContentPolicy(default=mode, default_rule="CONTENT_POLICY", rules=parsed)


def _rule(number: int, value: Json) -> ContentRule:
    if not isinstance(value, dict):
        raise ContentPolicyError(f"rule {number} is not a JSON object")
    name = value.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ContentPolicyError(f"rule {number} has no name of letters, digits, - and _")
    what = f"rule {number} ({name})"
    _check_members(what, value, ("name", "mode", *CONDITIONS))
    conditions = {part: _values(what, part, value[part]) for part in CONDITIONS if part in value}
    if not conditions:
        raise ContentPolicyError(f"{what} has no condition; `default` is for everyone else")
    return ContentRule(
        name=name, conditions=conditions, mode=_mode(f"the mode of {what}", value.get("mode"))
    )


def _check_members(what: str, value: JsonObject, known: tuple[str, ...]) -> None:
    if value.keys() - set(known):
        raise ContentPolicyError(f"{what} has a member that is none of {', '.join(known)}")


def _mode(what: str, value: Json) -> ContentMode:
    if not isinstance(value, str) or value not in list(ContentMode):
        raise ContentPolicyError(f"{what} is none of {', '.join(ContentMode)}")
    return ContentMode(value)


def _values(what: str, condition: str, value: Json) -> frozenset[str]:
    values = value if isinstance(value, list) else [value]
    texts = [text.casefold() for text in values if isinstance(text, str) and text]
    if not texts or len(texts) < len(values):
        raise ContentPolicyError(f"`{condition}` of {what} is neither a text nor an array of texts")
    return frozenset(texts)
