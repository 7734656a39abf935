"""The messages of embeddings, images and audio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.core.conversation.parts import Message, Part, kind_of
from shared.core.wire.json.json_shape import Json, integer, mapping, mappings, text


def form_messages(event: Mapping[str, Json]) -> Iterator[Message]:
    """The files of an upload, as a message of the user."""
    files = tuple(
        _form_file(text(field.get("content_type")), text(field.get("filename")), field.get("bytes"))
        for field in mappings(event.get("form"))
        if field.get("filename") or field.get("sha256")
    )
    if files:
        yield Message(role="user", parts=files, source="prompt")


def _form_file(media_type: str, name: str, size: Json) -> Part:
    return Part(
        kind=kind_of(media_type, "file"),
        name=name or None,
        media_type=media_type or None,
        size=integer(size),
    )


def answer_messages(event: Mapping[str, Json]) -> Iterator[Message]:
    """The vectors, images, audio or transcript that were made, as one message of the model."""
    content = text(event.get("content"))
    parts = (
        *((Part(kind="text", text=content),) if content else ()),
        *_embeddings(event),
        *_images(event),
        *_speech(event),
    )
    if parts:
        yield Message(role="assistant", parts=parts, source="answer")


def _embeddings(event: Mapping[str, Json]) -> Iterator[Part]:
    embeddings = mapping(event.get("embeddings"))
    if embeddings:
        dimensions = embeddings.get("dimensions")
        of_size = f" of {dimensions} dimensions" if dimensions is not None else ""
        count = embeddings.get("count")
        amount = "1 vector" if count == 1 else f"{count} vectors"
        yield Part(kind="other", name="embeddings", text=amount + of_size)


def _images(event: Mapping[str, Json]) -> Iterator[Part]:
    images = mapping(event.get("images"))
    output_format = text(images.get("output_format"))
    for image in mappings(images.get("items")):
        yield Part(
            kind="image",
            text=text(image.get("revised_prompt")) or None,
            media_type=f"image/{output_format}" if output_format else None,
            size=integer(image.get("bytes")),
        )


def _speech(event: Mapping[str, Json]) -> Iterator[Part]:
    audio = mapping(event.get("audio"))
    size = integer(audio.get("bytes"))
    if size is not None:
        yield Part(kind="audio", media_type=text(audio.get("content_type")) or None, size=size)
