"""An error as an event of a stream, in the shape that the stream's readers raise."""

from __future__ import annotations

import json

import pytest

from shared.core.exchange.error_frame import error_frame
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.stream.sse import decode

ERROR: JsonObject = {"code": "429", "message": "slow\ndown", "type": "t"}


def test_the_frame_of_a_stream_of_chunks() -> None:
    """The document is the event's data."""
    document = json.dumps({"error": ERROR}).encode()
    (event,) = decode(error_frame(document, sequence_number=None))
    assert (event.event, json.loads(event.data)) == ("message", {"error": ERROR})


@pytest.mark.parametrize(
    ("error", "code", "message"), [(ERROR, "429", "slow\ndown"), ("late", None, "late")]
)
def test_the_frame_of_a_stream_of_typed_events(
    error: object, code: str | None, message: str
) -> None:
    """It has their members beside `error`: some readers look for `type`, others for `error`."""
    document = json.dumps({"error": error}).encode()
    (event,) = decode(error_frame(document, sequence_number=7))
    assert event.event == "error"
    assert json.loads(event.data) == {
        "type": "error",
        "sequence_number": 7,
        "code": code,
        "message": message,
        "param": None,
        "error": error,
    }
