"""The content policy, and the decision by it: never looser than policy and caller want."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.content.decision import ContentDecision, decide
from shared.core.content.policy import CONDITIONS, ContentPolicy, ContentRule, parse
from shared.core.wire.content_mode import STRICTEST, ContentMode
from shared.errors import ContentPolicyError

POLICY = parse(
    json.dumps(
        {
            "default": "metadata",
            "rules": [
                {"name": "hr", "team": ["HR", "legal"], "mode": "metadata"},
                {"name": "tests", "product": "sandbox", "deployment": "gpt-4o", "mode": "full"},
                {"name": "lab", "product": "lab", "mode": "full"},
            ],
        }
    ),
    ContentMode.FULL,
)


def mode_of(**subject: str | None) -> tuple[str, str | None]:
    decision = decide(POLICY, subject)
    return decision.mode, decision.rule


@pytest.mark.parametrize(
    ("subject", "mode", "rule"),
    [
        ({"product": "sandbox", "deployment": "gpt-4o"}, "full", "rule tests"),
        ({"product": "Sandbox", "deployment": "GPT-4o"}, "full", "rule tests"),
        ({"product": "sandbox", "deployment": "gpt-4o", "team": "hr"}, "metadata", "rule hr"),
        ({"product": "sandbox", "deployment": "o3"}, "metadata", "CONTENT_POLICY"),
        ({"product": "sandbox"}, "metadata", "CONTENT_POLICY"),
        ({"product": "lab"}, "full", "rule lab"),
        ({"product": "lab2", "deployment": "gpt-4o"}, "metadata", "CONTENT_POLICY"),
        ({}, "metadata", "CONTENT_POLICY"),
    ],
    ids=["both", "case", "first", "other", "no deployment", "one", "not whole", "unknown"],
)
def test_the_first_rule_of_which_every_condition_holds_counts(
    subject: dict[str, str], mode: str, rule: str
) -> None:
    assert mode_of(**subject) == (mode, rule)


def test_a_rule_that_may_hold_counts_if_it_is_stricter() -> None:
    """The body may name the deployment, and it is not read yet."""
    text = {"rules": [{"name": "o3", "deployment": "o3", "mode": "metadata"}]}
    policy = parse(json.dumps(text), ContentMode.FULL)
    assert decide(policy, {"deployment": None}).mode is ContentMode.METADATA
    assert decide(policy, {"deployment": "gpt-4o"}) == ContentDecision(
        mode=ContentMode.FULL, rule="CONTENT_MODE"
    )


@pytest.mark.parametrize(
    ("requested", "mode"),
    [
        ("metadata", "metadata"),
        ("redacted", "redacted"),
        (" METADATA ", "metadata"),
        ("full", "full"),
        ("none", "metadata"),
        ("", "metadata"),
    ],
    ids=["metadata", "redacted", "spaces and case", "full", "unknown", "empty"],
)
def test_a_caller_may_ask_for_less(requested: str, mode: str) -> None:
    decision = decide(ContentPolicy(default=ContentMode.FULL), {}, [requested])
    assert decision.mode == mode
    assert decision.rule == ("CONTENT_MODE" if mode == "full" else "x-fnsse-content")


VALUES = st.sampled_from(["a", "b", "c"])
MODES = st.sampled_from(ContentMode)
RULES = st.builds(
    ContentRule,
    name=VALUES,
    conditions=st.dictionaries(
        st.sampled_from(CONDITIONS), st.frozensets(VALUES, min_size=1), min_size=1
    ),
    mode=MODES,
)
POLICIES = st.builds(ContentPolicy, default=MODES, rules=st.lists(RULES, max_size=5).map(tuple))
SUBJECTS = st.fixed_dictionaries({name: st.none() | VALUES for name in CONDITIONS})
WISHES = st.lists(st.sampled_from([*ContentMode, "fulll", "off"]), max_size=3)


@given(POLICIES, SUBJECTS, WISHES)
def test_no_wish_makes_the_mode_looser(
    policy: ContentPolicy, subject: dict[str, str | None], requested_modes: list[str]
) -> None:
    without, wished = decide(policy, subject), decide(policy, subject, requested_modes)
    assert wished.mode.strictness >= without.mode.strictness
    for requested in requested_modes:
        expected = ContentMode(requested) if requested in list(ContentMode) else STRICTEST
        assert wished.mode.strictness >= expected.strictness


@given(POLICIES, SUBJECTS, VALUES)
def test_a_deployment_that_is_not_known_makes_the_mode_no_looser(
    policy: ContentPolicy, subject: dict[str, str | None], deployment: str
) -> None:
    """Whichever it turns out to be."""
    unknown = decide(policy, subject | {"deployment": None})
    known = decide(policy, subject | {"deployment": deployment})
    assert unknown.mode.strictness >= known.mode.strictness


def rule(**members: Any) -> dict[str, Any]:
    return {"rules": [{"name": "hr", "team": "hr", "mode": "metadata"} | members]}


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ([], "it is not a JSON object"),
        ({"defaults": "full"}, "the policy has a member that is none of default, retention_days"),
        ({"default": "none"}, "the policy's `default` is none of full, redacted, metadata"),
        ({"rules": {}}, "`rules` is not an array"),
        ({"rules": ["hr"]}, "rule 1 is not a JSON object"),
        (rule(name="no spaces"), "rule 1 has no name"),
        (rule(mode=None), "the mode of rule 1 (hr) is none of full, redacted, metadata"),
        (rule(teams="hr"), "rule 1 (hr) has a member that is none of name, mode, retention"),
        (rule(team=5), "`team` of rule 1 (hr) is neither a text nor an array of texts"),
        (rule(team=[]), "`team` of rule 1 (hr) is neither a text nor an array of texts"),
        (rule(team=["hr", None]), "`team` of rule 1 (hr) is neither a text nor an array of texts"),
        ({"rules": [{"name": "all", "mode": "full"}]}, "rule 1 (all) has no condition"),
        ({"rules": rule()["rules"] * 2}, "two rules have the same name"),
        (rule(retention_days=0), "`retention_days` of rule 1 (hr) is not a number of days from 1"),
        (rule(retention_days=31), "of rule 1 (hr) is not a number of days from 1 to 30"),
        (rule(retention_days=True), "`retention_days` of rule 1 (hr) is not a number of days"),
        ({"retention_days": "7"}, "`retention_days` of the policy is not a number of days"),
    ],
    ids=[
        *("no object", "unknown member", "unknown default", "no array", "no rule", "no name"),
        *("no mode", "misspelt", "number", "empty", "null", "for all", "same name"),
        *("no day", "too long", "no number", "text"),
    ],
)
def test_a_mistake_in_a_policy_is_named(policy: Any, problem: str) -> None:
    with pytest.raises(ContentPolicyError) as raised:
        parse(json.dumps(policy), ContentMode.FULL, max_days=30)
    assert problem in str(raised.value)


def test_a_rule_says_how_long_captures_are_kept() -> None:
    """While it is not known which of several rules is the first, the shortest retention counts. A
    caller's request for less content does not change it.
    """
    rules = [
        {"name": "o3", "deployment": "o3", "mode": "full", "retention_days": 2},
        {"name": "hr", "product": "hr", "mode": "full", "retention_days": 5},
        {"name": "it", "product": "it", "mode": "redacted"},
    ]
    policy = parse(json.dumps({"rules": rules, "retention_days": 9}), ContentMode.FULL)

    def days(deployment: str | None, product: str, *requested_modes: str) -> int | None:
        subject = {"deployment": deployment, "product": product}
        return decide(policy, subject, requested_modes).retention_days

    assert (days("o3", "hr"), days("gpt", "hr"), days("gpt", "it")) == (2, 5, None)
    assert (days(None, "hr"), days(None, "it"), days("gpt", "lab")) == (2, 2, 9)
    assert days("gpt", "hr", "metadata") == 5


def test_what_is_not_json_is_not_a_policy() -> None:
    with pytest.raises(ContentPolicyError):
        parse("{", ContentMode.FULL)


def test_without_a_default_the_setting_counts() -> None:
    assert parse("{}", ContentMode.METADATA) == ContentPolicy(default=ContentMode.METADATA)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"patterns": []}, "`patterns` and `words` are not JSON objects"),
        ({"patterns": {"No": "x"}}, "a name in `patterns` or `words` is not one of"),
        ({"patterns": {"a": "x"}, "words": {"a": ["x"]}}, "a name in `patterns` or `words`"),
        ({"patterns": {"a": 1}}, "the pattern `a` is not a text"),
        ({"patterns": {"a": "(?=b)"}}, "the pattern `a` is rejected"),
        ({"words": {"a": []}}, "the words of `a` are not an array of texts"),
    ],
    ids=["no object", "name", "twice", "number", "refused", "no words"],
)
def test_a_mistake_in_own_patterns_is_named(members: Any, problem: str) -> None:
    with pytest.raises(ContentPolicyError) as raised:
        parse(json.dumps(members), ContentMode.FULL)
    assert problem in str(raised.value)


def test_own_patterns_and_words_are_read() -> None:
    text = json.dumps({"patterns": {"employee": "E-[0-9]{6}"}, "words": {"project": ["Falcon"]}})
    custom = parse(text, ContentMode.FULL).custom
    assert (custom.patterns, custom.words) == ({"employee": "E-[0-9]{6}"}, {"project": ("Falcon",)})
