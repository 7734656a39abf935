"""Events over the Event Hub's limit: what is truncated, what stays, and how the event
reports it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.schema import valid
from shared.core.event import builder, truncation
from shared.core.event.truncation import MARK, SAME_AS_CONTENT
from tests.unit.core.event.event_parts import answering, asking, delta, envelope, event_of

LIMIT = 256 * 1024  # Event Hubs' Basic tier


def _fit(
    prompt: Any, answer: str = "fine", limit_bytes: int = LIMIT, **more: Any
) -> dict[str, Any]:
    request = asking({"messages": prompt} | more)
    return event_of(envelope(), request, answering([delta(answer)]), limit_bytes)


def test_an_event_within_the_limit_is_whole() -> None:
    """Nothing is marked either."""
    fitted = _fit([{"role": "user", "content": "x" * 1000}])
    assert fitted["prompt"][0]["content"] == "x" * 1000
    assert not fitted["truncated"]


def test_a_cut_event_is_distinguished_from_a_whole_one() -> None:
    """This holds whatever the prompt has under the same name."""
    imitation = [{"role": "user", "content": "x" * 9000, "truncated": True, "truncated_texts": []}]
    event = builder.build(
        envelope(stream=False), asking({"messages": imitation}), answering({}), None
    )
    for limit, cut in ((8192, True), (100_000, False)):
        assert truncation.was_truncated(truncation.truncate(event, limit)) is cut


def test_the_longest_text_is_cut_and_the_others_stay_whole() -> None:
    """It may stand anywhere; the event says where, how long it was, and in which capture it is
    whole.
    """
    fitted = _fit(
        [{"role": "system", "content": "s" * 5000}, {"role": "user", "content": "é\n" * 400_000}],
        "a" * 5000,
    )
    assert fitted["prompt"][0]["content"] == "s" * 5000
    assert fitted["content"] == "a" * 5000
    assert fitted["prompt"][1]["content"].startswith("é\né\n")
    assert fitted["prompt"][1]["content"].endswith(MARK)
    assert fitted["truncated_texts"][0] == {"path": "/prompt/1/content", "characters": 800_000}
    assert fitted["request_capture"] == "a.request"


def test_two_long_texts_are_cut_to_about_one_length() -> None:
    """Neither pays for the other."""
    fitted = _fit([{"role": "user", "content": "p" * 900_000}], "a" * 600_000)
    prompt, content = fitted["prompt"][0]["content"], fitted["content"]
    assert prompt.endswith(MARK)
    assert content.endswith(MARK)
    assert abs(len(prompt) - len(content)) < 10
    assert len(prompt) + len(content) > LIMIT * 0.9


def test_the_copy_of_the_content_goes_before_any_text_is_cut() -> None:
    """`choices` repeats `content`; where room is short, once is enough."""
    fitted = _fit([{"role": "user", "content": "hello"}], "a" * 200_000)
    assert fitted["content"] == "a" * 200_000
    assert fitted["choices"][0]["content"] == SAME_AS_CONTENT
    assert fitted["truncated_texts"] == [{"path": "/choices/0/content", "characters": 200_000}]


def test_a_long_conversation_keeps_its_first_and_last_messages() -> None:
    """The first message is the system's, and the last ones are those that were answered."""
    fitted = _fit([{"role": "user", "content": f"{number}"} for number in range(20_000)])
    prompt = fitted["prompt"]
    assert prompt[0] == {"role": "user", "content": "0"}
    assert prompt[-1] == {"role": "user", "content": "19999"}
    assert prompt[1] == f"[{20_000 - (len(prompt) - 1)} left out: see request_capture]"
    assert {"path": "/prompt", "characters": None} in fitted["truncated_texts"]


def test_log_probabilities_give_way_before_choices_do() -> None:
    """They are numbers, which cannot be cut."""
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    chunk = delta("a" * 100)
    chunk["choices"][0]["logprobs"] = {"content": [token] * 10_000}
    fitted = event_of(envelope(), asking({"messages": []}), answering([chunk]), LIMIT)
    assert fitted["content"] == "a" * 100
    assert "logprobs" not in fitted["choices"][0]
    assert {"path": "/choices/-/logprobs", "characters": None} in fitted["truncated_texts"]


def test_a_long_error_is_cut_too() -> None:
    """Its short members stay."""
    response = answering({"error": {"code": "400", "message": "m" * 500_000}})
    fitted = event_of(
        envelope(upstream_status_code=400, status_code=400),
        asking({"messages": []}),
        response,
        LIMIT,
    )
    assert fitted["error"]["code"] == "400"
    assert fitted["error"]["message"].endswith(MARK)


def test_fitting_leaves_the_event_itself_alone() -> None:
    """Truncation changes neither the event nor the values in it."""
    event = builder.build(envelope(), asking({"messages": ["x" * 500_000]}), None, None)
    truncation.truncate(event, LIMIT)
    assert event.prompt == ["x" * 500_000]
    assert not event.truncated


@pytest.mark.parametrize("text", ["\x00", '"', "\\", "é", "👋", "\ud800", "\u2028", "a"])
def test_the_limit_holds_for_every_json_character(text: str) -> None:
    """One byte, two of an escape, six of `\\u0000`, three or four of UTF-8."""
    fitted = _fit([{"role": "user", "content": text * 300_000}])
    written = len(json.dumps(fitted, ensure_ascii=False, separators=(",", ":")).encode())
    assert LIMIT * 0.85 < written <= LIMIT


def test_25_mb_of_texts_fit_an_event_hub() -> None:
    """A prompt of 20 MB and an answer of 5 MB are cut. The contract's keys keep their types."""
    fitted = _fit([{"role": "user", "content": "word " * 4_000_000}], "x" * 5_000_000, 1024 * 1024)
    assert fitted["truncated"]
    assert len(fitted["content"]) > 400_000
    assert len(fitted["prompt"][0]["content"]) > 400_000


_TREES = st.recursive(
    st.one_of(st.text(max_size=4).map(lambda text: text * 700), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=300), inner, max_size=6)
    ),
    max_leaves=60,
)


@given(
    prompt=_TREES,
    answer=st.text(max_size=200),
    repeat=st.integers(1, 200),
    limit_bytes=st.integers(8192, 40_000),
)
def test_any_event_fits_any_limit(prompt: Any, answer: str, repeat: int, limit_bytes: int) -> None:
    """The smallest limit is 8 KB."""
    request = asking(
        {"messages": prompt, "metadata": {"k" * 60: answer * 10}, "instructions": answer * repeat}
    )
    event = builder.build(envelope(), request, answering([delta(answer * repeat)]), None)
    fitted = truncation.truncate(event, limit_bytes)
    assert len(fitted) <= limit_bytes
    valid(json.loads(fitted))
