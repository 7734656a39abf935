"""How the embedded host rewrites a path and a query; every expected value was read off the real
host.
"""

from __future__ import annotations

import pytest

from emulators.functions_host.path_encoding import (
    BadPathError,
    decode_path,
    encode_path,
    normalise_query,
)
from tests.support.functions_host_paths import PATHS, QUERIES


@pytest.mark.parametrize(("request_path", "seen_by_app"), PATHS)
def test_a_path_is_decoded_once_and_encoded_again(request_path: str, seen_by_app: str) -> None:
    """The app's raw path is the caller's, decoded once (but for %2F) and encoded again."""
    assert encode_path(decode_path(request_path.encode())).decode() == seen_by_app


@pytest.mark.parametrize("request_path", [b"/p%00q", b"/caf\xe9"])
def test_a_path_that_kestrel_rejects_is_rejected(request_path: bytes) -> None:
    """An encoded NUL or a raw non-ASCII byte is a bad path."""
    with pytest.raises(BadPathError):
        decode_path(request_path)


@pytest.mark.parametrize(("request_path", "seen_by_app"), QUERIES)
def test_a_query_is_canonicalised_as_by_system_uri(request_path: str, seen_by_app: str) -> None:
    """Escapes of unreserved characters are resolved, and reserved characters stay as they came."""
    assert normalise_query(request_path.encode()).decode() == seen_by_app
