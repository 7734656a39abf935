"""Truncates an event to the Event Hub's limit. The captures hold everything; the event lists what
was truncated.

The steps, in this order, each only as far as it is needed:
1. A text that repeats `content` (in choices, in a response's output) is replaced by a mark.
2. If the event would be too large even with every text short, its largest values are dropped:
   log probabilities, then whichever key is the largest. A long conversation keeps its first message
   and as many of its last ones as there is room for.
3. The longest texts, in any key, are cut to one common length. Short ones stay whole.
"""

from __future__ import annotations

import copy
import itertools
import json
from typing import Final

from shared.core.event.event_texts import MIN_TEXT_BYTES, cuttable_texts, json_size, texts_of
from shared.core.event.shape import Event, TruncatedText, dump, encode, to_json
from shared.core.wire.json.json_shape import Json, JsonObject, mappings, text

MARK: Final = "…[truncated]"  # at the end of a text that was cut
SAME_AS_CONTENT: Final = "[as content]"
_MAX_LISTED: Final = 32
_TRUNCATED: Final = b'"truncated":'
_MAX_LIST_BYTES: Final = 8192  # the most bytes of the list of truncated texts
# Values that may be dropped whole, and their replacements: the type of a key never changes.
_REPLACEMENTS: Final[JsonObject] = {
    "prompt": "[left out: see request_capture]",
    "choices": [],
    "output": [],
    "error": {"code": "left_out", "message": "see response_capture"},
    "usage": None,
    "images": None,
    "prompt_filter_results": None,
    "content_filters": None,
    "parameters": {},
    "form": [],
    "metadata": None,
    "problems": [],
    "session_headers": {},
    "request_headers": {},
    "rate_limit": None,
}


def was_truncated(data: bytes) -> bool:
    """Whether `truncate` cut this event.

    The last `"truncated":` in the text is the event's own key: the keys after it hold no object of
    a caller, which could have a member of that name.
    """
    return data.startswith(b"true", data.rfind(_TRUNCATED) + len(_TRUNCATED))


def truncate(event: Event, limit_bytes: int) -> bytes:
    """The event as JSON of at most `limit_bytes`, which must be 8 KB or more: the
    keys that identify an exchange stay.
    """
    data = dump(event)
    if len(data) <= limit_bytes:
        return data
    members: JsonObject = json.loads(data)  # a copy that may be changed
    members["truncated"] = True
    list_bytes = min(_MAX_LIST_BYTES, limit_bytes // 8)
    duplicates = _drop_duplicates(members)
    dropped = _drop_values(members, limit_bytes - list_bytes)
    cut = _cut_longest(members, limit_bytes - list_bytes)
    members["truncated_texts"] = _list_entries([*dropped, *cut, *duplicates], list_bytes)
    return encode(members)


def _drop_duplicates(members: JsonObject) -> list[TruncatedText]:
    content = text(members["content"])
    if len(content) <= MIN_TEXT_BYTES:
        return []
    duplicates = [
        duplicate
        for key in ("choices", "output")
        for duplicate in texts_of(members[key], (key,))
        if duplicate.value == content
    ]
    for duplicate in duplicates:
        duplicate.replace(SAME_AS_CONTENT)
    return [duplicate.list_entry() for duplicate in duplicates]


def _drop_values(members: JsonObject, limit_bytes: int) -> list[TruncatedText]:
    """Drop values until the event would fit if every text were short."""
    dropped: list[TruncatedText] = []
    for key in _droppable_keys(members):
        if _least_size(members) <= limit_bytes:
            break
        if key == "choices" and _drop_logprobs(mappings(members[key])):
            dropped.append(TruncatedText(path="/choices/-/logprobs", characters=None))
            if _least_size(members) <= limit_bytes:
                break
        value = members[key]
        if key == "prompt" and isinstance(value, list):
            room = limit_bytes - _least_size(members | {key: []})
            members[key] = _keep_first_and_last(value, room)
        else:
            members[key] = copy.copy(_REPLACEMENTS[key])
        dropped.append(TruncatedText(path=f"/{key}", characters=None))
    return dropped


def _keep_first_and_last(messages: list[Json], room: int) -> list[Json]:
    """The first message, a note, and as many of the last messages as `room` bytes hold."""
    room -= MIN_TEXT_BYTES  # the note takes them
    first: list[Json] = []
    last: list[Json] = []
    for part, message in itertools.chain(
        [(first, messages[0])], ((last, message) for message in reversed(messages[1:]))
    ):
        room -= _least_size({"": [message]})
        if room < 0:
            break
        part.append(message)
    dropped = len(messages) - len(first) - len(last)
    return [*first, f"[{dropped} left out: see request_capture]", *reversed(last)]


def _droppable_keys(members: JsonObject) -> list[str]:
    """The keys whose values may be dropped, the largest first."""
    sizes = {
        key: len(encode(members[key]))
        for key, replacement in _REPLACEMENTS.items()
        if members[key] != replacement
    }
    return sorted(sizes, key=lambda key: sizes[key], reverse=True)


def _drop_logprobs(choices: list[JsonObject]) -> bool:
    """Whether there were any."""
    dropped = [choice.pop("logprobs", None) for choice in choices]
    return any(logprobs is not None for logprobs in dropped)


def _least_size(members: JsonObject) -> int:
    """The size of an object with every text at its shortest."""
    saved_bytes = sum(max(inner.size - MIN_TEXT_BYTES, 0) for inner in cuttable_texts(members))
    return len(encode(members)) - saved_bytes


def _cut_longest(members: JsonObject, limit_bytes: int) -> list[TruncatedText]:
    """Cut the longest texts to one common length. Returns them, the longest first."""
    texts = sorted(cuttable_texts(members), key=lambda inner: inner.size, reverse=True)
    length = _common_length([inner.size for inner in texts], len(encode(members)) - limit_bytes)
    longest = list(itertools.takewhile(lambda inner: inner.size > length, texts))
    for inner in longest:
        inner.replace(_cut(inner.value, length))
    return [inner.list_entry() for inner in longest]


def _common_length(sizes: list[int], excess: int) -> int:
    """The length to cut the longest texts to, so that `excess` bytes are saved. `sizes` descend."""
    total = 0
    for count, size in enumerate(sizes, start=1):
        total += size
        next_size = sizes[count] if count < len(sizes) else 0
        if total - count * next_size >= excess:
            return max((total - excess) // count, MIN_TEXT_BYTES)
    return MIN_TEXT_BYTES


def _cut(value: str, size: int) -> str:
    """The longest beginning of a text that takes about `size` bytes in JSON with the mark after
    it.
    """
    room = size - json_size(MARK)
    beginning = value[:room]
    while (size_bytes := json_size(beginning) - 2) > room:
        beginning = beginning[: min(len(beginning) - 1, len(beginning) * room // size_bytes)]
    return beginning + MARK


def _list_entries(truncated: list[TruncatedText], limit_bytes: int) -> Json:
    """The first entries, as many as the list may hold."""
    entries = [to_json(entry) for entry in truncated[:_MAX_LISTED]]
    while entries and len(encode(entries)) > limit_bytes:
        entries.pop()
    return entries
