"""Asking for usage on the caller's behalf: when, how, and nothing else about the body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.core.wire.operations import spec_of
from shared.core.wire.request.usage_request import (
    Examination,
    accepts,
    examine,
    rejects_stream_options,
)
from shared.core.wire.steps import run_to_end
from tests.unit.core.wire.scanning import MOST_LINES, count_slices, run

ADDED = b'"stream_options":{"include_usage":true},'


def body_with_usage_request(body: bytes) -> bytes | None:
    """The body that asks for usage, in one piece; None if the proxy adds nothing."""
    parts = run(examine(body, spec_of("chat.completions"), may_ask=True)).with_usage_request
    return None if parts is None else b"".join(parts)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
OTHERS = st.dictionaries(
    st.sampled_from(["messages", "model", "n", "user", "stop", "\u00fc"]), JSON_VALUES, max_size=5
)
OPTIONS = st.dictionaries(st.sampled_from(["include_obfuscation", "x"]), JSON_VALUES, max_size=2)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")])


@given(OTHERS, st.booleans(), SEPARATORS, st.integers(0, 5))
def test_the_addition_is_the_only_difference(
    others: dict[str, Any], ascii_only: bool, separators: tuple[str, str], at: int
) -> None:
    """A streaming request without stream_options keeps every byte in its place, beside the
    addition.
    """
    items = [*others.items()]
    items.insert(at, ("stream", True))
    body = json.dumps(dict(items), ensure_ascii=ascii_only, separators=separators).encode(
        "utf-8", "surrogatepass"
    )
    asking = body_with_usage_request(body)
    assert asking is not None
    assert json.loads(asking) == {**json.loads(body), "stream_options": {"include_usage": True}}
    assert asking.count(ADDED) == 1 + body.count(ADDED)
    assert asking.replace(ADDED, b"", 1) == body


@given(OTHERS, OPTIONS, st.sampled_from([None, "null", "false"]), SEPARATORS, st.booleans())
def test_options_of_the_callers_own_are_kept(
    others: dict[str, Any],
    options: dict[str, Any],
    include_usage: str | None,
    separators: tuple[str, str],
    last: bool,
) -> None:
    """If stream_options do not ask for usage, the one member is added or changed, and all bytes
    around it stay.
    """
    text = json.dumps(options, separators=separators)
    if include_usage:
        text = text[:-1] + (", " if options else "") + f'"include_usage" : {include_usage} }}'
    prefix = json.dumps({**others, "stream": True}, separators=separators)[:-1]
    end = ', "stream_options": '
    body, behind = f"{prefix}{end}{text}".encode(), b', "z": 1}' if last else b"}"
    asking = body_with_usage_request(body + behind)
    assert asking is not None
    expected = {**others, "stream": True, "stream_options": {**options, "include_usage": True}}
    assert json.loads(asking) == expected | ({"z": 1} if last else {})
    assert asking.startswith(f"{prefix}{end}".encode())
    assert asking.endswith(behind)
    inside = asking[len(prefix) + len(end) : len(asking) - len(behind)]
    if include_usage:
        assert inside == text.encode().replace(include_usage.encode() + b" }", b"true }")
    else:
        assert (
            inside.replace(b'"include_usage":true' + (b"," if options else b""), b"", 1)
            == text.encode()
        )


def test_null_options_are_replaced() -> None:
    """`"stream_options": null` is what some SDKs send for "none"."""
    assert (
        body_with_usage_request(b'{"stream":true,"stream_options": null }')
        == b'{"stream":true,"stream_options": {"include_usage":true} }'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"messages":[]}',
        b'{"stream":false}',
        b'{"stream":null}',
        b'{"stream":"true"}',
        b'{"stream":1}',
        b'{"stream":true,"stream":false}',
        b'{"stream":true,"data_sources":[{"type":"azure_search"}]}',
        b'{"stream":true,"data_sources":[]}',
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        b'{"stream":true,"stream_options":{ "include_usage" : true , "x":1}}',
        b'{"stream":true,"stream_options":{"include_usage":"yes"}}',
        b'{"stream":true,"stream_options":[]}',
        b'{"stream":true,"stream_options":true}',
        b'{"stream":true,"stream_options":{broken}}',
        b'{"stream":true,"stream_options":{"x":"' + b"y" * 5000 + b'"}}',
        b'[{"stream":true}]',
        b'{"stream":true',
        b'{"stream":true,}',
        b"",
        b"--boundary\r\n",
        b"\xff\xfe{\x00",
    ],
)
def test_other_bodies_go_as_they_came(body: bytes) -> None:
    """The proxy adds nothing to a body without a stream, with data sources, with the caller's own
    or odd options, or that is not a JSON object.
    """
    assert run(examine(body, spec_of("chat.completions"), may_ask=True)).with_usage_request is None


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_no_body_is_an_error(body: bytes) -> None:
    """Any body is sent unchanged, and the upstream reports what is wrong with it."""
    assert isinstance(run(examine(body, spec_of("chat.completions"), may_ask=True)), Examination)
    run(
        examine(
            b'{"stream":true,"stream_options":' + body + b"}",
            spec_of("chat.completions"),
            may_ask=True,
        )
    )
    run(examine(b'{"stream":true,' + body, spec_of("chat.completions"), may_ask=True))


@given(OTHERS)
def test_nothing_is_added_if_the_proxy_may_not_ask(others: dict[str, Any]) -> None:
    """The proxy adds nothing if it is switched off, for other operations, or with an old
    api-version. What the caller asks for is still known.
    """
    assume(not isinstance(others.get("model"), str))
    others = {name: value for name, value in others.items() if name not in {"n", "prompt"}}
    examination = run(
        examine(
            json.dumps({**others, "model": "gpt-4o", "stream": True}).encode(),
            spec_of("chat.completions"),
            may_ask=False,
        )
    )
    assert examination == Examination(
        stream=True, model="gpt-4o", choices=1, with_usage_request=None
    )


@pytest.mark.parametrize(
    ("model_json", "model"),
    [
        ('"gpt-4o"', "gpt-4o"),
        ('"\\u0067"', "g"),
        ("1", None),
        ("null", None),
        ('"' + "m" * 2000 + '"', None),
        ('"\\x"', None),
    ],
)
def test_the_model_is_known_if_it_is_a_name(model_json: str, model: str | None) -> None:
    """On the v1 routes it is the deployment."""
    assert (
        run(
            examine(f'{{"model":{model_json}}}'.encode(), spec_of("chat.completions"), may_ask=True)
        ).model
        == model
    )


@pytest.mark.parametrize(
    ("operation", "api_version", "v1", "may"),
    [
        ("chat.completions", "2024-10-21", False, True),
        ("chat.completions", "2024-09-01-preview", False, True),
        ("completions", "2025-04-01-preview", False, True),
        ("chat.completions", "2024-08-01-preview", False, False),
        ("chat.completions", "2024-02-01", False, False),
        ("chat.completions", "preview", False, True),
        ("chat.completions", None, True, True),
        ("chat.completions", "2023-05-15", True, True),
        ("responses", "2025-04-01-preview", False, False),
        ("responses", None, True, False),
        ("embeddings", "2024-10-21", False, False),
        ("call", "2024-10-21", False, False),
    ],
)
def test_where_the_addition_may_be_made(
    operation: str, api_version: str | None, v1: bool, may: bool
) -> None:
    """Chat and completions, at api-versions that know it; the v1 routes always do."""
    assert accepts(spec_of(operation), api_version, v1=v1) is may


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (400, b'{"error":{"message":"Unrecognized request argument: stream_options"}}', True),
        (400, b'{"error":{"message":"1 validation error: Extra inputs are not permitted"}}', True),
        (422, b'{"detail":[{"msg":"Extra inputs are not permitted"}]}', True),
        (422, b'{"error":{"message":"[{\\"loc\\":[\\"body\\",\\"stream_options\\"]}]"}}', True),
        (501, b'{"error":{"message":"include_usage is not supported"}}', True),
        (500, b"TypeError: unexpected keyword argument 'stream_options'", True),
        (500, b"Extra inputs are not permitted", False),
        (400, b'{"error":{"message":"\'messages\' is a required property"}}', False),
    ],
)
def test_what_a_refusal_says(status: int, body: bytes, refusal: bool) -> None:
    """It names the option, or an unknown member; not another mistake."""
    assert rejects_stream_options(status, body) is refusal


@pytest.mark.parametrize(
    ("more", "choices"),
    [
        ({}, 1),
        ({"n": None}, 1),
        ({"n": 3}, 3),
        ({"n": 0}, None),
        ({"n": "2"}, None),
        ({"n": True}, None),
        ({"prompt": "a"}, 1),
        ({"prompt": ["a", "b"]}, 2),
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1], [2]]}, 2),
        ({"prompt": ["x" * 20_000, "b"]}, None),
    ],
)
def test_how_many_choices_the_response_will_have(more: dict[str, Any], choices: int | None) -> None:
    """It has `n` for each prompt, if the body says both."""
    body = json.dumps({"stream": True, **more}).encode()
    assert run(examine(body, spec_of("completions"), may_ask=False)).choices == choices


@pytest.mark.no_cover
def test_a_large_prompt_is_not_copied_to_ask() -> None:
    """The parts are views of the caller's own 16 MB, and the scan's slices stay short."""
    body = b'{"messages":"' + b"word " * (3 * 1024 * 1024) + b'","stream":true}'
    examination, slices = count_slices(examine(body, spec_of("chat.completions"), may_ask=True))
    assert examination.with_usage_request is not None
    assert [type(part) for part in examination.with_usage_request] == [
        memoryview,
        bytes,
        memoryview,
    ]
    assert sum(map(len, examination.with_usage_request)) == len(body) + len(ADDED)
    assert slices.most_lines < MOST_LINES


def test_an_empty_list_of_prompts_says_nothing_of_the_choices() -> None:
    """With none to wait for, a stream would be taken for whole wherever it breaks off."""
    body = b'{"prompt":[],"stream":true}'
    examined = run_to_end(examine(body, spec_of("completions"), may_ask=False))
    assert examined.choices is None
