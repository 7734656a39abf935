"""Parsing a tenant's metadata and keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.entra_tokens import ISSUER_V1, ISSUER_V2, OTHER_TENANT, TENANT
from shared.core.wire.token.published_keys import Metadata, RsaKey, metadata, signing_keys

KEYS_URL = "https://login.microsoftonline.com/common/discovery/keys"
KEY = {
    "kty": "RSA",
    "use": "sig",
    "kid": "k",
    "n": "AQAB",
    "e": "AQAB",
    "x5c": ["MIIC"],
    "x5t": "k",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["keys", *KEY, "issuer", "jwks_uri"]), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("issuer", [ISSUER_V1, ISSUER_V2])
def test_metadata_names_issuer_and_keys(issuer: str) -> None:
    document = {"issuer": issuer, "jwks_uri": KEYS_URL, "response_types_supported": ["code"]}
    assert metadata(document, TENANT) == Metadata(issuer=issuer, keys_url=KEYS_URL)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://sts.windows.net/{tenantid}/", "jwks_uri": KEYS_URL},
        {"issuer": f"https://sts.windows.net/{OTHER_TENANT}/", "jwks_uri": KEYS_URL},
        {"issuer": f"https://sts.windows.net/x{TENANT}/", "jwks_uri": KEYS_URL},
        {"issuer": ISSUER_V1},
        {"issuer": ISSUER_V1, "jwks_uri": [KEYS_URL]},
        {"jwks_uri": KEYS_URL},
        [],
        None,
    ],
)
def test_what_is_not_that_tenants_metadata_is_none(document: object) -> None:
    assert metadata(document, TENANT) is None


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"use": None},
        {"alg": "RS256"},
        {"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"},
        {"issuer": ISSUER_V2},
        {"issuer": ISSUER_V1},
    ],
)
def test_an_rsa_key_for_signatures_is_taken(changed: dict[str, Any]) -> None:
    key = {name: value for name, value in {**KEY, **changed}.items() if value is not None}
    assert signing_keys({"keys": [key]}, TENANT) == {"k": RsaKey(n="AQAB", e="AQAB")}


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"kty": "EC"},
        {"kty": "oct", "k": "AQAB"},
        {"alg": "HS256"},
        {"kid": ""},
        {"kid": 1},
        {"n": ""},
        {"e": 65537},
        {"issuer": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"},
    ],
)
def test_any_other_key_is_left_out(changed: dict[str, Any]) -> None:
    kept = {**KEY, "kid": "kept"}
    assert signing_keys({"keys": ["nonsense", {**KEY, **changed}, kept]}, TENANT).keys() == {"kept"}


@given(JSON)
def test_any_json_gives_a_response(document: Any) -> None:
    assert isinstance(signing_keys(document, TENANT), dict)
    assert metadata(document, TENANT) is None
