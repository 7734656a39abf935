"""Making an event fit the Event Hub's limit. The captures hold everything; the event says what it
lacks.

The rule, in this order, each step only as far as it is needed:
1. a text that repeats `content` (in choices, in a response's output) becomes a note;
2. the longest texts, wherever they are, are cut to one common length; short ones stay whole;
3. where the event is too large although every text is short, its largest values give way: log
   probabilities, then whichever key is the largest. Of a long conversation the first message stays,
   and as many of the last as there is room for.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.core.event.shape import Event, dump, written

MARK: Final = "…[truncated]"  # at the end of a text that was cut
AS_CONTENT: Final = "[as content]"
LEAST_TEXT_BYTES: Final = 256  # no text is cut below this: whole values give way instead
_NEVER_CUT: Final = LEAST_TEXT_BYTES // 6 - 1  # characters: JSON takes at most six bytes for one
_MAX_LISTED: Final = 32
# What identifies an exchange is short, and stays.
_KEPT: Final = frozenset(
    {
        "type",
        "model",
        "region",
        "timestamp",
        "exchange_id",
        "operation",
        "deployment",
        "api_version",
        "method",
        "outcome",
    }
    | {
        "request_capture",
        "response_capture",
        "request_sha256",
        "response_sha256",
        "usage_source",
        "truncated_texts",
    }
)
# What may give way whole, and what takes its place: the type of a key never changes.
_EMPTY: Final[dict[str, Any]] = {
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Text:
    """A text in the event, and where it stands."""

    holder: Any  # the object or array
    key: Any  # its key or index there
    path: tuple[str | int, ...]
    size: int  # bytes in JSON, quotes included

    @property
    def value(self) -> str:
        value: str = self.holder[self.key]
        return value


def truncate(event: Event, limit_bytes: int) -> bytes:
    """The event as JSON, at most `limit_bytes` (which must leave room for what identifies it: 8
    KB).
    """
    data = dump(event)
    if len(data) <= limit_bytes:
        return data
    plain = json.loads(data)  # a copy that may be changed
    plain["truncated"] = True
    listing = min(8192, limit_bytes // 8)  # what the list of what was cut may take
    copies = _leave_out_copies(plain)
    left_out = _leave_out_values(plain, limit_bytes - listing)
    cut = _cut_longest(plain, limit_bytes - listing)
    _list(plain, left_out + cut + copies, listing)
    return written(plain)


def _leave_out_copies(plain: dict[str, Any]) -> list[dict[str, Any]]:
    content = plain["content"]
    if len(content) <= LEAST_TEXT_BYTES:
        return []
    copies = [
        text
        for key in ("choices", "output")
        for text in _texts(plain[key], (key,))
        if text.value == content
    ]
    for text in copies:
        text.holder[text.key] = AS_CONTENT
    return [{"path": _pointer(text.path), "characters": len(content)} for text in copies]


def _leave_out_values(plain: dict[str, Any], limit_bytes: int) -> list[dict[str, Any]]:
    """Until the event would fit if every text were short."""
    left_out: list[dict[str, Any]] = []
    for key in _by_size(plain):
        if _least_size(plain) <= limit_bytes:
            break
        if key == "choices" and _leave_out_logprobs(plain["choices"]):
            left_out.append({"path": "/choices/-/logprobs", "characters": None})
            if _least_size(plain) <= limit_bytes:
                break
        if key == "prompt" and isinstance(plain[key], list):
            plain[key] = _ends(plain[key], limit_bytes - _least_size(plain | {"prompt": []}))
        else:
            plain[key] = copy.copy(_EMPTY[key])
        left_out.append({"path": f"/{key}", "characters": None})
    return left_out


def _ends(messages: list[Any], room: int) -> list[Any]:
    """The first and the last of many messages, and a note in between."""
    room -= LEAST_TEXT_BYTES  # for the note
    first: list[Any] = []
    last: list[Any] = []
    for kept, message in itertools.chain(
        [(first, messages[0])], ((last, message) for message in reversed(messages[1:]))
    ):
        room -= _least_size({"": [message]})
        if room < 0:
            break
        kept.append(message)
    left_out = len(messages) - len(first) - len(last)
    return [*first, f"[{left_out} left out: see request_capture]", *reversed(last)]


def _by_size(plain: dict[str, Any]) -> list[str]:
    """The keys that may give way, the largest first."""
    sizes = {key: len(written(plain[key])) for key, empty in _EMPTY.items() if plain[key] != empty}
    return sorted(sizes, key=lambda key: sizes[key], reverse=True)


def _leave_out_logprobs(choices: list[dict[str, Any]]) -> bool:
    had = [choice.pop("logprobs", None) for choice in choices]
    return any(logprobs is not None for logprobs in had)


def _least_size(plain: dict[str, Any]) -> int:
    """The size of an object with every text at its shortest."""
    saved = sum(max(text.size - LEAST_TEXT_BYTES, 0) for text in _cuttable(plain))
    return len(written(plain)) - saved


def _cut_longest(plain: dict[str, Any], limit_bytes: int) -> list[dict[str, Any]]:
    """Cut the longest texts to one common length; returns which, the longest first."""
    texts = sorted(_cuttable(plain), key=lambda text: text.size, reverse=True)
    length = _common_length([text.size for text in texts], len(written(plain)) - limit_bytes)
    cut = []
    for text in texts:
        if text.size <= length:
            break
        cut.append({"path": _pointer(text.path), "characters": len(text.value)})
        text.holder[text.key] = _cut(text.value, length)
    return cut


def _common_length(sizes: list[int], excess: int) -> int:
    """The length to which the longest texts are cut, so that `excess` bytes go. `sizes` descend."""
    total = 0
    for count, size in enumerate(sizes, start=1):
        total += size
        next_size = sizes[count] if count < len(sizes) else 0
        if total - count * next_size >= excess:
            return max((total - excess) // count, LEAST_TEXT_BYTES)
    return LEAST_TEXT_BYTES


def _cut(text: str, size: int) -> str:
    """The longest beginning of a text that takes at most `size` bytes in JSON, more or less, and
    the mark.
    """
    room = size - _size(MARK)
    beginning = text[:room]
    while (taken := _size(beginning) - 2) > room:
        beginning = beginning[: min(len(beginning) - 1, len(beginning) * room // taken)]
    return beginning + MARK


def _list(plain: dict[str, Any], entries: list[dict[str, Any]], limit_bytes: int) -> None:
    """As many as the listing may take."""
    entries = entries[:_MAX_LISTED]
    while entries and len(written(entries)) > limit_bytes:
        entries.pop()
    plain["truncated_texts"] = entries


def _cuttable(plain: dict[str, Any]) -> Iterator[_Text]:
    for key, value in plain.items():
        if key in _KEPT:
            continue
        if isinstance(value, str):
            if len(value) > _NEVER_CUT:
                yield _Text(holder=plain, key=key, path=(key,), size=_size(value))
        else:
            yield from _texts(value, (key,))


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[_Text]:
    """Every text below a value that may be cut. Only what was made presentable comes here, so the
    depth is bounded.
    """
    pairs: Any = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in pairs:
        if isinstance(inner, str):
            if len(inner) > _NEVER_CUT:
                yield _Text(holder=value, key=key, path=(*path, key), size=_size(inner))
        else:
            yield from _texts(inner, (*path, key))


def _size(text: str) -> int:
    """Bytes in JSON, quotes included."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))


def _pointer(path: tuple[str | int, ...]) -> str:
    """RFC 6901, at most 256 characters."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)[:256]
