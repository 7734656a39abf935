"""A message of the envelope queue: one envelope, or an array of envelopes that were put together.

A busy worker puts several envelopes into one message, because a message of any size costs the
account three calls (put, get, delete). See adapters/queues/envelope_queue.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.core.records.exchange.envelope import Envelope, from_fields
from shared.core.wire.json import json_shape
from shared.errors import EnvelopeError

QUEUE: Final = "envelopes"
POISON_QUEUE: Final = "envelopes-poison"  # the host moves there what failed too often
# The service takes 64 KiB of Base64, which are 48 KiB of text.
MAX_BYTES: Final = 47 * 1024


def count_fitting(envelopes: Sequence[str]) -> int:
    """How many of the first envelopes fit into one message; at least one.

    Each envelope is JSON in ASCII, of less than 8 KB. There is at least one.
    """
    count, size = 0, 1  # the opening bracket
    for envelope in envelopes:
        size += len(envelope) + 1  # a comma or the closing bracket
        if count and size > MAX_BYTES:
            break
        count += 1
    return count


def pack(envelopes: Sequence[str]) -> str:
    """The message of these envelopes, which fit into one; there is at least one."""
    return envelopes[0] if len(envelopes) == 1 else f"[{','.join(envelopes)}]"


def load(message: str | bytes) -> list[Envelope]:
    """The envelopes in a message, at least one. Raises EnvelopeError, which never quotes it."""
    value = json_shape.parse(message)
    if not isinstance(value, list):
        return [from_fields(value)]
    if not value:
        raise EnvelopeError("an array without an envelope")
    return [from_fields(member) for member in value]
