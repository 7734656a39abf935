"""A caller's token: where it is found, which key it names, and what its claims decide. No fakes, no
keys.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.entra_tokens import AUDIENCE, CALLER, ISSUER_V1, unsigned_token
from shared.core.wire.token import caller_token
from shared.core.wire.token.caller_token import (
    LARGEST_BYTES,
    LEEWAY_S,
    TokenAccepted,
    TokenCheck,
    TokenRejected,
)

CLAIMS = {
    "iss": ISSUER_V1,
    "aud": AUDIENCE,
    "exp": 1_800_003_600,
    "nbf": 1_799_999_990,
    "oid": CALLER,
}
GOOD_HEADER = {"alg": "RS256", "typ": "JWT", "kid": "first"}

HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"authorization", b"host", b"api-key"]),
        st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"Bearer " + data),
    ),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CLAIMS, "alg", "kid", "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "value", [b"Bearer a.b.c", b"bearer a.b.c", b"BEARER a.b.c", b"bEaReR a.b.c"]
)
def test_the_scheme_has_no_case(value: bytes) -> None:
    assert (
        caller_token.bearer([(b"host", b"x"), (b"authorization", value), (b"api-key", b"k")])
        == b"a.b.c"
    )


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ([], TokenCheck.MISSING),
        ([b""], TokenCheck.MISSING),
        ([b"a.b.c"], TokenCheck.MISSING),
        ([b"Basic dXNlcjpwYXNz"], TokenCheck.MISSING),
        ([b"Bearera.b.c"], TokenCheck.MISSING),
        ([b" Bearer a.b.c"], TokenCheck.MISSING),
        ([b"Bearer a.b.c", b"Bearer a.b.c"], TokenCheck.SEVERAL),
        ([b"Basic x", b"Bearer a.b.c"], TokenCheck.SEVERAL),
        ([b"Bearer " + b"a" * (LARGEST_BYTES + 1)], TokenCheck.FORM),
    ],
)
def test_anything_but_one_bearer_token_is_rejected(values: list[bytes], check: TokenCheck) -> None:
    assert caller_token.bearer([(b"authorization", value) for value in values]) == TokenRejected(
        check=check
    )


@given(HEADERS)
def test_any_headers_get_a_response(headers: list[tuple[bytes, bytes]]) -> None:
    result = caller_token.bearer(headers)
    assert isinstance(result, (bytes, TokenRejected))


def test_the_key_is_the_one_that_the_header_names() -> None:
    assert caller_token.key_id(unsigned_token(GOOD_HEADER, {}, b"sig").encode()) == "first"


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "NONE", "", "HS256", "rs256", "RS384", "ES256", None, ["RS256"], 1],
)
def test_one_algorithm_is_believed(algorithm: object) -> None:
    token = unsigned_token({**GOOD_HEADER, "alg": algorithm}, {}, b"sig").encode()
    assert caller_token.key_id(token) == TokenRejected(check=TokenCheck.ALGORITHM)


@pytest.mark.parametrize("kid", [None, 1, ["first"], {"first": 1}])
def test_a_key_id_is_a_text(kid: object) -> None:
    assert caller_token.key_id(
        unsigned_token({**GOOD_HEADER, "kid": kid}, {}).encode()
    ) == TokenRejected(check=TokenCheck.KEY)


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b".",
        b"..",
        b"a.b",
        b"a.b.c.d",
        b"a.b.c ",
        b"a.b.c\n",
        b" a.b.c",
        b"a+.b.c",
        b"a=.b.c",
        b"\xff.b.c",
        b"a.b.c",
        b"e30",
    ],
)
def test_a_token_that_is_not_a_jwt_is_malformed(token: bytes) -> None:
    assert caller_token.key_id(token) == TokenRejected(check=TokenCheck.FORM)


@given(st.binary(max_size=200))
def test_garbage_is_rejected(garbage: bytes) -> None:
    assert isinstance(caller_token.key_id(garbage), TokenRejected)


@given(JSON, st.binary(max_size=20))
def test_any_json_as_header_gives_a_response(header: Any, signature: bytes) -> None:
    result = caller_token.key_id(unsigned_token(header, {}, signature).encode())
    good = (
        isinstance(header, dict)
        and header.get("alg") == "RS256"
        and isinstance(header.get("kid"), str)
    )
    assert isinstance(result, str) is good


CLAIMS_THAT_HOLD: dict[str, Any] = {"aud": "a", "exp": 1_800_003_600, "oid": "An-Id"}


def test_claims_that_hold_speak_for_their_identity() -> None:
    """An object id has no case."""
    assert caller_token.identity(CLAIMS_THAT_HOLD) == TokenAccepted(
        object_id="an-id", until_s=1_800_003_600 + LEEWAY_S
    )


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"aud": ["a"]}, TokenCheck.AUDIENCE),
        ({"oid": None}, TokenCheck.OBJECT_ID),
        ({"oid": 1}, TokenCheck.OBJECT_ID),
    ],
)
def test_an_identity_has_one_audience_and_one_id(
    changed: dict[str, Any], check: TokenCheck
) -> None:
    assert caller_token.identity(CLAIMS_THAT_HOLD | changed) == TokenRejected(check=check)


@given(JSON)
def test_any_json_as_payload_gives_a_response(payload: Any) -> None:
    result = caller_token.failed_check(json.dumps(payload).encode())
    assert (result is TokenCheck.FORM) is not isinstance(payload, dict)


@given(st.binary(max_size=100))
@example(b"[" * 100_000)
@example(b'{"exp": ' + b"9" * 5000 + b"}")
def test_a_payload_that_is_not_a_json_object_is_malformed(payload: bytes) -> None:
    assert caller_token.failed_check(payload) in {TokenCheck.FORM, None}
