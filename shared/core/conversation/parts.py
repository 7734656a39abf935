"""Messages and their parts, and the parts of a content in one of the API's shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal

from shared.core.wire.json.json_shape import Json, JsonObject, items, mapping, text

type PartKind = Literal[
    "text", "refusal", "reasoning", "tool_call", "tool_result", "image", "audio", "file", "other"
]
type Source = Literal["prompt", "answer"]

# The text in an event that replaces an embedded file (docs/reference/events.md, Files).
_EMBEDDED_FILE: Final = re.compile(r"\[([\w.+-]+/[\w.+-]+), (\d+) bytes, sha256 [0-9a-f]{64}\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A piece of a message. None: the piece does not have it."""

    kind: PartKind
    text: str | None = None  # of a tool call its arguments; of a file its address or description
    name: str | None = None  # of a tool, of a file, or of a kind that is not known
    id: str | None = None  # of a tool call, by which its result refers to it
    media_type: str | None = None
    size: int | None = None  # bytes, decoded

    def to_json(self) -> JsonObject:
        """The part as a JSON object, without the members that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message of the prompt or of the answer."""

    role: str
    parts: tuple[Part, ...]
    source: Source

    def to_json(self) -> JsonObject:
        """The message as a JSON object."""
        return {
            "role": self.role,
            "parts": [part.to_json() for part in self.parts],
            "source": self.source,
        }


def text_part(value: object) -> Iterator[Part]:
    """A text, or the file that its description stands for."""
    content = text(value)
    match = _EMBEDDED_FILE.fullmatch(content)
    if match is not None:
        yield file_part(content, "file")
    elif content:
        yield Part(kind="text", text=content)


def file_part(description: str, kind: PartKind, name: str | None = None) -> Part:
    """A file by its address, its id or the description that the event holds."""
    match = _EMBEDDED_FILE.search(description)
    if match is None:
        return Part(kind=kind, text=description or None, name=name)
    return Part(
        kind=kind_of(match[1], kind),
        name=name,
        media_type=match[1],
        size=int(match[2]),
    )


def kind_of(media_type: str, default: PartKind) -> PartKind:
    """The kind of a file of this media type; `default` if it is neither image nor audio."""
    by_type: dict[str, PartKind] = {"image": "image", "audio": "audio"}
    return by_type.get(media_type.partition("/")[0], default)


def content_parts(content: Json) -> tuple[Part, ...]:
    """The parts of a message's `content`: a text, or a list of typed parts."""
    if isinstance(content, str):
        return tuple(text_part(content))
    return tuple(part for item in items(content) for part in _item_parts(item))


def _item_parts(item: Json) -> Iterator[Part]:
    if isinstance(item, str):
        yield from text_part(item)
        return
    fields = mapping(item)
    kind = text(fields.get("type"))
    if kind in {"text", "input_text", "output_text", "summary_text", "reasoning_text"}:
        yield from text_part(fields.get("text"))
    elif kind == "refusal":
        yield Part(kind="refusal", text=text(fields.get("refusal")))
    elif kind in {"image_url", "input_image"}:
        yield file_part(_address(fields), "image")
    elif kind == "input_audio":
        audio = mapping(fields.get("input_audio"))
        yield file_part(text(audio.get("data")), "audio", text(audio.get("format")) or None)
    elif kind in {"file", "input_file"}:
        yield _file(mapping(fields.get("file")) or fields)
    elif fields:
        yield Part(kind="other", name=kind or None)


def _address(fields: JsonObject) -> str:
    image = fields.get("image_url")
    return text(mapping(image).get("url")) or text(image) or text(fields.get("file_id"))


def _file(fields: JsonObject) -> Part:
    content = next(
        (text(fields[name]) for name in ("file_data", "file_url", "file_id") if fields.get(name)),
        "",
    )
    return file_part(content, "file", text(fields.get("filename")) or None)
