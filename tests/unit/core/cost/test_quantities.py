"""The billed quantities of an exchange, from its event: each token in one part, and whether it
counts.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.cost.billing_inputs import quantities_of
from shared.core.cost.quantities import TOKENS, parts_of, split_tokens


def event(**changes: Any) -> dict[str, Any]:
    return {
        "operation": "chat.completions",
        "method": "POST",
        "outcome": "completed",
        "upstream_status_code": 200,
        "model": "gpt-4o-2024-11-20",
        "deployment": "prod",
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        "usage_estimate": None,
        "usage_repeated": False,
    } | changes


def test_each_token_is_in_one_part() -> None:
    """Cached tokens are taken out of the input, reasoning out of the output."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 25},
    }
    assert parts_of(quantities_of(event(usage=usage))) == {
        "input": 10,
        "cached": 60,
        "cache_write": 30,
        "output": 15,
        "reasoning": 25,
    }


def test_audio_is_apart_and_so_is_what_of_it_was_cached() -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 30,
        "input_token_details": {
            "audio_tokens": 50,
            "cached_tokens": 40,
            "cached_tokens_details": {"audio_tokens": 30, "text_tokens": 10},
        },
        "output_token_details": {"audio_tokens": 20},
    }
    assert parts_of(quantities_of(event(usage=usage))) == {
        "input": 40,
        "cached": 10,
        "audio_input": 20,
        "audio_cached": 30,
        "output": 10,
        "audio_output": 20,
    }


_figures = st.one_of(st.none(), st.integers(-5, 1000), st.text(max_size=2))
_details = st.dictionaries(
    st.sampled_from(
        ["cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "reasoning_tokens"]
    ),
    _figures,
)


@given(_figures, _figures, _details, _details)
def test_the_parts_are_the_whole_of_any_reported_usage(
    total_input: object, total_output: object, of_input: object, of_output: object
) -> None:
    """No token is counted twice, and none is negative."""
    parts = split_tokens(
        {
            "input_tokens": total_input,  # type: ignore[dict-item]
            "output_tokens": total_output,  # type: ignore[dict-item]
            "input_tokens_details": of_input,  # type: ignore[dict-item]
            "output_tokens_details": of_output,  # type: ignore[dict-item]
        }
    )
    assert parts.keys() == set(TOKENS)
    assert min(parts.values()) >= 0
    wholes = [max(whole, 0) for whole in (total_input, total_output) if isinstance(whole, int)]
    assert sum(parts.values()) == sum(wholes)


_FOLLOWED: dict[str, Any] = {"usage": None, "operation": "responses.followed", "method": "GET"}
_BATCH: dict[str, Any] = {"usage": None, "operation": "batches.get", "method": "GET"}


@pytest.mark.parametrize(
    ("changes", "basis"),
    [
        ({}, "usage"),
        ({"usage_repeated": True}, "repeated"),
        (
            {"usage": None, "usage_estimate": {"prompt_tokens": 3, "completion_tokens": 1}},
            "estimate",
        ),
        ({"usage": None}, "unknown"),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, "unknown"),
        ({"usage": None, "upstream_status_code": 429}, "nothing"),
        ({"usage": None, "upstream_status_code": 500}, "nothing"),
        ({"usage": None, "upstream_status_code": 400}, "nothing"),
        ({"usage": None, "upstream_status_code": 408}, "unknown"),
        (
            {"usage": None, "upstream_status_code": 400, "error": {"code": "content_filter"}},
            "unknown",
        ),
        ({"usage": None, "outcome": "rejected", "upstream_status_code": None}, "nothing"),
        # the upstream had answered; what it made could not be recorded
        ({"usage": None, "outcome": "rejected"}, "unknown"),
        ({"usage": None, "outcome": "aborted", "upstream_status_code": None}, "unknown"),
        ({"usage": None, "outcome": "timed_out", "upstream_status_code": None}, "unknown"),
        ({"usage": None, "outcome": "upstream_error", "upstream_status_code": None}, "nothing"),
        ({"usage": None, "operation": "responses.get", "method": "GET"}, "nothing"),
        ({"usage": None, "operation": "call", "method": "GET"}, "nothing"),
        ({"usage": None, "operation": "call", "method": "POST"}, "unknown"),
        ({"usage": None, "background": True, "response_status": "queued"}, "nothing"),
        (_FOLLOWED, "unknown"),
        (_FOLLOWED | {"background": True, "response_status": "in_progress"}, "unknown"),
        (_FOLLOWED | {"upstream_status_code": 404, "outcome": "upstream_error"}, "unknown"),
        (_FOLLOWED | {"upstream_status_code": None, "outcome": "upstream_error"}, "unknown"),
        (_BATCH | {"batch": {"status": "completed", "completed": 3}}, "unknown"),
        (_BATCH | {"batch": {"status": "expired", "completed": 3}}, "unknown"),
        (_BATCH | {"batch": {"status": "in_progress", "completed": 3}}, "nothing"),
        (_BATCH | {"batch": {"status": "failed", "completed": 0}}, "nothing"),
        (_BATCH | {"batch": {"status": "failed", "completed": None}}, "nothing"),
    ],
)
def test_the_basis_says_where_the_figures_come_from(changes: dict[str, Any], basis: str) -> None:
    assert quantities_of(event(**changes)).basis == basis


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"operation": "audio.speech", "prompt": "Good day."}, {"characters": 9}),
        ({"operation": "audio.transcriptions", "audio": {"duration_s": 2.5}}, {"seconds": 2.5}),
        (
            {
                "operation": "images.generations",
                "images": {"count": 2, "size": "1024x1024", "quality": "hd"},
            },
            {"images": 2},
        ),
    ],
)
def test_what_has_no_usage_is_counted(changes: dict[str, Any], parts: dict[str, float]) -> None:
    measured = quantities_of(event(usage=None, **changes))
    assert (measured.basis, parts_of(measured)) == ("count", parts)


def test_a_transcript_may_report_seconds_in_place_of_tokens() -> None:
    measured = quantities_of(event(usage={"type": "duration", "seconds": 12}))
    assert (measured.basis, parts_of(measured)) == ("usage", {"seconds": 12})


def test_the_output_of_an_image_operation_is_the_images() -> None:
    usage = {"input_tokens": 9, "output_tokens": 1056}
    images = {"count": 1, "size": "1024x1024", "quality": "low"}
    measured = quantities_of(event(operation="images.generations", usage=usage, images=images))
    assert parts_of(measured) == {"input": 9, "image_output": 1056}


def test_the_calls_of_built_in_tools_are_counted() -> None:
    """Opening a page is no search, and a container is billed once however often it runs code."""
    output = [
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "web_search_call"},
        {"type": "file_search_call"},
        {"type": "code_interpreter_call", "container_id": "a"},
        {"type": "code_interpreter_call", "container_id": "a"},
        {"type": "code_interpreter_call", "container_id": "b"},
        {"type": "image_generation_call"},
        {"type": "function_call"},
    ]
    measured = quantities_of(event(usage=None, operation="responses", output=output))
    tools = {"web_search": 2, "file_search": 1, "code_interpreter": 2, "image_generation": 1}
    assert {name: getattr(measured, name) for name in tools} == tools


def test_a_model_router_takes_a_fee_for_the_input() -> None:
    """The fee comes on top of the price of the model that it chose; there is none if it only names
    itself.
    """
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    routed = {"deployment": "model-router", "usage": usage}
    assert parts_of(quantities_of(event(**routed)))["routed_input"] == 10
    for model in ("model-router-2025-08-07", "unknown"):
        assert quantities_of(event(**routed, model=model)).routed_input is None


def test_a_deployments_name_stands_for_its_model() -> None:
    """It does if neither the answer nor the operator names one."""
    measured = quantities_of(event(model="unknown"))
    assert (measured.model, measured.model_source) == ("prod", "deployment")


def test_the_quantities_of_an_event_are_read_as_they_are() -> None:
    """A member that this version does not know is left out, and an object of another shape is
    unknown.
    """
    written = {"basis": "usage", "model": "m", "model_source": "header", "input": 3, "new": 1}
    measured = quantities_of(event(quantities=written))
    assert (measured.basis, measured.model, measured.input) == ("usage", "m", 3)
    assert quantities_of(event(quantities={"basis": 7})).basis == "unknown"
