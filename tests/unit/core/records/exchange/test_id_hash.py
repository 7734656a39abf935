"""The hash of an id stands for it in names of blobs and in the records of an erasure."""

from __future__ import annotations

import re

import pytest

from shared.core.records.exchange.id_hash import hash_id


def test_the_hash_is_the_sha256_in_hex() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_id("abc") == expected


@pytest.mark.parametrize(
    "text", ["", "anna/../b@example.com", "\ud800"], ids=["empty", "path", "half a surrogate pair"]
)
def test_any_text_has_a_hash_that_a_blobs_name_can_hold(text: str) -> None:
    """Ids come from clients and from the upstream, as JSON holds them."""
    assert re.fullmatch("[0-9a-f]{64}", hash_id(text))
