"""The parts of a message by the types of its items."""

from __future__ import annotations

import pytest

from shared.core.conversation.parts import Part, content_parts
from shared.core.wire.json.json_shape import Json

_EMBEDDED = f"[image/png, 68 bytes, sha256 {'0' * 64}]"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "refusal", "refusal": "No."}, Part(kind="refusal", text="No.")),
        ({"type": "new_kind", "x": 1}, Part(kind="other", name="new_kind")),
        ({"x": 1}, Part(kind="other")),
        (_EMBEDDED, Part(kind="image", media_type="image/png", size=68)),
        ({"type": "text", "text": _EMBEDDED}, Part(kind="image", media_type="image/png", size=68)),
    ],
    ids=["refusal", "unknown", "without a type", "a file's description", "the same in an item"],
)
def test_an_item_gives_a_part(item: Json, expected: Part) -> None:
    assert content_parts([item]) == (expected,)


def test_empty_items_give_none() -> None:
    assert content_parts([{}, "", {"type": "text", "text": ""}]) == ()
