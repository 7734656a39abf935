"""The tail of a response: what its end says of the response, whether it is complete, whether it
reports an error, and its usage.

`stream_scan` finds it in a stream. Enrichment reads the whole capture, later and elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.wire.json.json_shape import Json, JsonObject, parse_object
from shared.core.wire.json.reported_error import error_of
from shared.core.wire.operations import OperationSpec

# How many of the last bytes the writer of a capture keeps at hand, to read the tail of them.
TAIL_BYTES: Final = 32 * 1024
# As JSON; a real one has about 300. Enrichment finds a larger one in the capture.
MAX_USAGE_BYTES: Final = 2048
# Levels of objects and arrays; a real one has two. A message of the queue may be nested 300 deep.
MAX_USAGE_DEPTH: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """The findings of a reading of a response's end."""

    # it holds [DONE], a finish_reason for every choice, or a last event
    finished: bool
    # as the upstream sent it; also None if it is too large for an envelope
    usage: JsonObject | None
    # it reports an error: nested, flat, or as the Responses API's event
    failed: bool = False
    # it is finished but for the blank line that ends its last event
    open_end: bool = False
    # what would say that it is finished may have been too large to read
    unsure: bool = False


def tail_of_json(body: bytes, operation: OperationSpec) -> Tail:
    """The tail of a JSON body that arrived complete. One longer than TAIL_BYTES is not parsed here,
    and neither is a document of an operation whose answers are not: its `usage` and its `error` are
    those of an object (a batch, a fine-tuning job) or of a file, and not of the call.
    """
    document = parse_object(body) if operation.parses_documents and len(body) <= TAIL_BYTES else {}
    failed = not operation.reads_object and (
        error_of(document) is not None
        or (document.get("object") == "response" and document.get("status") == "failed")
    )
    return Tail(finished=True, usage=bound(usage_of(document)), failed=failed)


def usage_of(chunk: JsonObject) -> JsonObject | None:
    """`usage` of a chunk, of a completion, or of the response in a Responses event."""
    response = chunk.get("response")
    usage = chunk.get("usage") or (response.get("usage") if isinstance(response, dict) else None)
    return usage if isinstance(usage, dict) else None


def bound(usage: JsonObject | None) -> JsonObject | None:
    """The usage, unless it is too large or too deep for an envelope."""
    if len(json.dumps(usage)) > MAX_USAGE_BYTES or not _is_shallow(usage, MAX_USAGE_DEPTH):
        return None
    return usage


def _is_shallow(value: Json, levels: int) -> bool:
    members = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    )
    return not members or (levels > 0 and all(_is_shallow(item, levels - 1) for item in members))
