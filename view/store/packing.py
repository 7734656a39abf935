"""Events as the view's file keeps them: compressed, with a dictionary of what most events share."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Final

from shared.core.wire.json.json_shape import JsonObject, mappings, parse, parse_object

_LEVEL: Final = 1  # the highest takes twice the time, and saves a tenth


def _encode(event: JsonObject) -> bytes:
    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


# The dictionary of the compression: invented events. A text that an event shares with them takes no
# room in the file. A change of this dictionary makes older files unreadable, so it is part of the
# file's version.
COMMON: Final = b"".join(
    _encode(event)
    for event in mappings(parse(Path(__file__).with_name("common_events.json").read_text("utf-8")))
)


def pack(event: JsonObject) -> bytes:
    """The event as it is stored: a seventh of its JSON's size if its texts are short."""
    packer = zlib.compressobj(_LEVEL, zdict=COMMON)
    return packer.compress(_encode(event)) + packer.flush()


def unpack(packed: bytes) -> JsonObject:
    """The event that was packed."""
    unpacker = zlib.decompressobj(zdict=COMMON)
    return parse_object(unpacker.decompress(packed).decode("utf-8", "surrogatepass"))
