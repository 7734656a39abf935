"""The parts of JSON that may not stand in an event: secrets for others, files, vectors, and values
that JSON cannot write.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import Any

import pytest

from shared.core.wire.json.embedded_file import Base64Meter, without_data_urls
from shared.core.wire.json.json_shape import Json
from shared.core.wire.json.masking import MASKED, mask_secrets

_FILE = bytes(range(200))
_ENCODED = base64.b64encode(_FILE).decode()
_DESCRIBED = f"200 bytes, sha256 {hashlib.sha256(_FILE).hexdigest()}]"


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Authorization",
        "api_key",
        "api-key",
        "apiKey",
        "X-Search-Api-Key",
        "password",
        "db_password",
        "client_secret",
        "connection_string",
        "storageConnectionString",
        "access_token",
        "Ocp-Apim-Subscription-Key",
        "x-functions-key",
        "Cookie",
    ],
)
def test_a_secret_is_masked_by_its_key(key: str) -> None:
    """The key decides, in any spelling, at any place, and for any value."""
    assert mask_secrets([{"a": {key: {"deep": "SECRET"}}}]) == [{"a": {key: MASKED}}]


def test_every_header_for_others_is_masked() -> None:
    """The names in `tools[].headers` stay."""
    tool: Json = {"type": "mcp", "headers": {"X-Anything": "SECRET", "More": ["SECRET"]}}
    assert mask_secrets(tool) == {
        "type": "mcp",
        "headers": {"X-Anything": MASKED, "More": [MASKED]},
    }


def test_authentication_is_masked_but_for_its_type() -> None:
    """A data source has one. Every member but the type is masked, whatever its name."""
    source: Json = {
        "authentication": {
            "type": "api_key",
            "key": "SECRET",
            "nested": {"any": "SECRET", "number": 7},
        }
    }
    masked = {"type": "api_key", "key": MASKED, "nested": {"any": MASKED, "number": MASKED}}
    assert mask_secrets(source) == {"authentication": masked}


def test_words_that_only_look_like_secrets_stay() -> None:
    """A token of the log probabilities, a secret in a sentence, a key with nothing in it."""
    value: Json = {
        "token": "a",
        "content": "my password is 1234",
        "api_key": None,
        "authorization_url": "https://example.com",
    }
    assert mask_secrets(value) == value


def test_a_data_url_becomes_type_size_and_hash() -> None:
    """The text around it stays. A text may hold several."""
    text = f"before data:image/png;base64,{_ENCODED} between data:text/plain;charset=utf-8;base64,{_ENCODED}) after"
    assert (
        without_data_urls(text)
        == f"before [image/png, {_DESCRIBED} between [text/plain, {_DESCRIBED}) after"
    )


@pytest.mark.parametrize(
    "encoded",
    [
        _ENCODED.rstrip("="),
        base64.urlsafe_b64encode(_FILE).decode(),
        _ENCODED.replace("+", "%2B").replace("=", "%3D"),
    ],
)
def test_base64_may_come_unpadded_url_safe_or_escaped(encoded: str) -> None:
    """The file is the same."""
    assert (
        without_data_urls(f"data:application/pdf;base64,{encoded}")
        == f"[application/pdf, {_DESCRIBED}"
    )


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("data:image/svg+xml;utf8,<svg>x</svg>", "[image/svg+xml, 12 bytes, sha256 b31bf843"),
        ("data:text/plain,hello%20x", "[text/plain, 7 bytes, sha256 276dbb19"),
    ],
)
def test_a_data_url_not_in_base64_is_described(url: str, described: str) -> None:
    """It is described if it is the whole text."""
    assert without_data_urls(url).startswith(described)


@pytest.mark.parametrize(
    "text", ["data:", "see data:text/plain,hello", "big data:base64 is a word", "metadata: yes"]
)
def test_a_text_without_base64_stays(text: str) -> None:
    """A text stays even if it starts like a data URL."""
    assert without_data_urls(text) == text


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"data": _ENCODED, "format": "wav"}, "audio/wav"),
        ({"file_data": _ENCODED}, "application/octet-stream"),
        ({"b64_json": _ENCODED}, "image"),
        ({"type": "image_generation_call", "result": _ENCODED}, "image"),
        ({"encrypted_content": _ENCODED}, "encrypted"),
    ],
)
def test_bare_base64_in_a_field_for_files_is_replaced(field: dict[str, Any], kind: str) -> None:
    """The fields are those of input_audio, files, images and encrypted reasoning."""
    written = json.dumps(mask_secrets(field))
    assert f"[{kind}, {_DESCRIBED}" in written
    assert _ENCODED not in written


def test_a_word_in_a_field_for_files_stays() -> None:
    """Only text of Base64's letters and of some length counts as a file."""
    assert mask_secrets({"result": "sunny", "data": "not Base64, since it has spaces"}) == {
        "result": "sunny",
        "data": "not Base64, since it has spaces",
    }


def test_base64_in_pieces_is_measured_as_one_file() -> None:
    """Cut anywhere, each piece padded or not."""
    for step in (1, 3, 7, 100):
        meter = Base64Meter()
        for at in range(0, len(_ENCODED), step):
            meter.feed(_ENCODED[at : at + step])
        assert (meter.sha256(), meter.size) == (hashlib.sha256(_FILE).hexdigest(), 200)


def test_an_array_of_many_numbers_is_replaced_by_their_count() -> None:
    """Token ids and vectors; a short one stays, and so do a completion's log probabilities."""
    assert mask_secrets([1] * 257) == "[257 numbers]"
    assert mask_secrets([1] * 256) == [1] * 256
    assert mask_secrets({"token_logprobs": [-0.5] * 300}) == {"token_logprobs": [-0.5] * 300}


def test_what_json_cannot_write_is_made_writable() -> None:
    """Numbers that are none, and nesting without end."""
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    redacted_value = mask_secrets({"a": math.nan, "b": math.inf, "c": deep})
    assert "[nested too deeply]" in json.dumps(redacted_value, allow_nan=False)


_LONG = bytes(range(256)) * 4
_LONG_ENCODED = base64.b64encode(_LONG).decode()
_LONG_DESCRIBED = f"1024 bytes, sha256 {hashlib.sha256(_LONG).hexdigest()}]"


def _in_lines(columns: int, end: str) -> str:
    return end.join(
        _LONG_ENCODED[at : at + columns] for at in range(0, len(_LONG_ENCODED), columns)
    )


@pytest.mark.parametrize(
    "url",
    [
        f"DATA:image/png;BASE64,{_LONG_ENCODED}",
        f"Data:image/png;Base64,{_LONG_ENCODED}",
        f"data:image/png;name=my file.png;base64,{_LONG_ENCODED}",
        f"data:image/png; charset=utf-8; base64, {_LONG_ENCODED}",
        f" data:image/png;base64,{_LONG_ENCODED}\n",
        f"data:image/png;base64,{_in_lines(76, chr(10))}\n",
        f"data:image/png;base64,\r\n{_in_lines(64, chr(13) + chr(10))}",
        f"data:image/png;base64,{_in_lines(10, chr(10))}",
        f"data:image/png;base64,{_in_lines(300, '%0A')}",
        f"data:image/png;base64,{_LONG_ENCODED.replace('/', '_').replace('+', '-')}",
    ],
)
def test_any_form_of_a_data_url_is_described(url: str) -> None:
    """It may have capitals, spaces or lines."""
    assert mask_secrets({"url": url}) == {"url": f"[image/png, {_LONG_DESCRIBED}"}


@pytest.mark.parametrize("columns", [60, 64, 76])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n  "])
def test_a_data_url_in_lines_is_described(columns: int, end: str) -> None:
    """The text around it stays."""
    url = f"DATA:image/png;base64,{_in_lines(columns, end)}"
    assert without_data_urls(f"see {url}\n\nWhat is it?") == (
        f"see [image/png, {_LONG_DESCRIBED}\n\nWhat is it?"
    )


def test_the_word_after_a_data_url_is_not_taken_for_a_line_of_it() -> None:
    text = f"data:image/png;base64,{_LONG_ENCODED}\nDescribe\nit"
    assert without_data_urls(text) == f"[image/png, {_LONG_DESCRIBED}\nDescribe\nit"


@pytest.mark.parametrize("name", ["result", "data", "file_data", "b64_json"])
@pytest.mark.parametrize("columns", [64, 76, 300])
@pytest.mark.parametrize("end", ["\n", "\r\n", " "])
def test_bare_base64_in_lines_is_described(name: str, columns: int, end: str) -> None:
    """A plus that a form turned into a space leaves such a text, too."""
    assert _LONG_DESCRIBED in json.dumps(mask_secrets({name: _in_lines(columns, end) + end}))


@pytest.mark.parametrize(
    "words", ["the answer of the tool is long and has no marks at all", "a\nb\nc", "one two three"]
)
def test_words_are_not_base64(words: str) -> None:
    """Each of their letters could be."""
    assert mask_secrets({"result": words}) == {"result": words}


def test_beginnings_of_data_urls_cost_linear_time() -> None:
    """Each of these forms would cost a search that goes back its square."""
    for text in (
        "data:;base64," + " " * 200_000 + "!",
        "data:" + " ;" * 100_000,
        "data:a/b;" * 20_000,
        "data:;base64," + ("A" * 60 + "\n") * 3000 + "!",
    ):
        without_data_urls(text)
