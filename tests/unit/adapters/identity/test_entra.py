"""The claims of a token as PyJWT and fnsse check them: each has its check, and every form a
response.
"""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.entra_tokens import AUDIENCE, CALLER, ISSUER_V1, ISSUER_V2, claims, private_key, token
from shared.adapters.identity.entra import EntraKeys
from shared.core.wire.token.caller_token import LEEWAY_S, TokenAccepted, TokenCheck, TokenRejected

KEYS = EntraKeys(
    issuers=frozenset({ISSUER_V1, ISSUER_V2}),
    published={},
    usable={"first": private_key("first").public_key()},
)
AUDIENCES = frozenset({AUDIENCE, "other"})
LATER_S = 1000  # nothing here takes so long

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*claims(), "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)


def verify(**changed: Any) -> TokenAccepted | TokenRejected:
    return KEYS.verify(token(**changed).encode(), "first", AUDIENCES)


def in_seconds(seconds: float) -> int:
    return int(time.time() + seconds)


def sign(payload: bytes) -> bytes:
    return jwt.PyJWS().encode(payload, private_key("first"), "RS256").encode()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"iss": ISSUER_V2},
        {"aud": "other"},
        {"nbf": None},
        {"exp": 4_000_000_000.5},
        {"iat": 4_000_000_000},  # decides nothing, as do these
        {"iat": "x", "sub": 1, "jti": 1},
    ],
    ids=str,
)
def test_claims_that_hold_speak_for_their_identity(changed: dict[str, Any]) -> None:
    expires = changed.get("exp", in_seconds(LATER_S))
    assert verify(**{"exp": expires, **changed}) == TokenAccepted(
        object_id=CALLER, until_s=expires + LEEWAY_S
    )


def test_an_object_id_has_no_case() -> None:
    expires = in_seconds(LATER_S)
    assert verify(exp=expires, oid=CALLER.upper()) == verify(exp=expires)


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"iss": "https://sts.windows.net/"}, TokenCheck.ISSUER),
        ({"iss": None}, TokenCheck.ISSUER),
        ({"iss": [ISSUER_V1]}, TokenCheck.ISSUER),
        ({"iss": {ISSUER_V1: 1}}, TokenCheck.ISSUER),
        ({"aud": AUDIENCE.upper()}, TokenCheck.AUDIENCE),
        ({"aud": ""}, TokenCheck.AUDIENCE),
        ({"aud": None}, TokenCheck.AUDIENCE),
        ({"aud": [AUDIENCE]}, TokenCheck.AUDIENCE),
        ({"exp": None}, TokenCheck.EXPIRY),
        ({"exp": "1800003600"}, TokenCheck.EXPIRY),
        ({"exp": True}, TokenCheck.EXPIRY),
        ({"exp": float("inf")}, TokenCheck.EXPIRY),
        ({"exp": float("nan")}, TokenCheck.EXPIRY),
        ({"exp": [1]}, TokenCheck.EXPIRY),
        ({"exp": -1}, TokenCheck.EXPIRY),
        ({"nbf": "0"}, TokenCheck.START),
        ({"nbf": True}, TokenCheck.START),
        ({"nbf": float("nan")}, TokenCheck.START),
        ({"nbf": 10**30}, TokenCheck.START),
        ({"oid": None}, TokenCheck.OBJECT_ID),
        ({"oid": 1}, TokenCheck.OBJECT_ID),
        (
            {"iss": "x", "aud": "x", "exp": 0, "oid": None},
            TokenCheck.EXPIRY,
        ),  # the first one that fails
        ({"iss": "x", "aud": "x", "oid": None}, TokenCheck.ISSUER),
    ],
    ids=str,
)
def test_each_claim_is_checked(changed: dict[str, Any], check: TokenCheck) -> None:
    assert verify(**changed) == TokenRejected(check=check)


@pytest.mark.parametrize("name", ["exp", "nbf"])
def test_a_time_of_null_is_not_a_time(name: str) -> None:
    payload = json.dumps(claims() | {name: None}).encode()
    check = {"exp": TokenCheck.EXPIRY, "nbf": TokenCheck.START}[name]
    assert KEYS.verify(sign(payload), "first", AUDIENCES) == TokenRejected(check=check)


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"exp": -LEEWAY_S + LATER_S}, None),
        ({"exp": -LEEWAY_S + 30}, None),
        ({"exp": -LEEWAY_S}, TokenCheck.EXPIRY),
        ({"nbf": LEEWAY_S}, None),
        ({"nbf": LEEWAY_S + 30}, TokenCheck.START),
    ],
    ids=str,
)
def test_clocks_may_differ_by_the_leeway_and_no_more(
    changed: dict[str, float], check: TokenCheck | None
) -> None:
    times = {name: in_seconds(seconds) for name, seconds in changed.items()}
    decided = verify(**times)
    assert (
        isinstance(decided, TokenAccepted)
        if check is None
        else decided == TokenRejected(check=check)
    )


def test_a_signature_counts_before_the_claims() -> None:
    expired = token("another", exp=1).encode()
    assert KEYS.verify(expired, "first", AUDIENCES) == TokenRejected(check=TokenCheck.SIGNATURE)


@settings(deadline=None)
@given(JSON)
@example([claims()])
@example({**claims(), "exp": 10**400})
def test_any_json_as_claims_gives_a_response(payload: Any) -> None:
    decided = KEYS.verify(sign(json.dumps(payload).encode()), "first", AUDIENCES)
    if isinstance(decided, TokenAccepted):
        assert (payload["iss"], payload["aud"], payload["oid"]) == (ISSUER_V1, AUDIENCE, CALLER)


@settings(deadline=None)
@given(st.binary(max_size=100))
@example(b"[" * 100_000)
@example(b'{"exp": ' + b"9" * 5000 + b"}")
def test_claims_that_are_not_a_json_object_are_rejected(payload: bytes) -> None:
    decided = KEYS.verify(sign(payload), "first", AUDIENCES)
    assert isinstance(decided, TokenRejected)
