"""A queue message as the app gets it: its decoded text and its metadata."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime

from azure.storage.queue import QueueMessage

from emulators.functions_host.worker_library import TypedData


class UnreadableMessageError(ValueError):
    """A message is not UTF-8, or not Base64 as messageEncoding requires. It counts as a failed
    attempt, as on the real host.
    """


def typed_data(content: str, *, base64_encoded: bool, binary: bool) -> TypedData:
    """A message's text, or its bytes for a binary parameter. Raises
    UnreadableMessageError.
    """
    body = decode_content(content, base64_encoded=base64_encoded)
    if binary:
        return TypedData(bytes=body)
    try:
        return TypedData(string=body.decode())
    except UnicodeDecodeError as error:
        raise UnreadableMessageError(f"The message is not UTF-8 text: {error.reason}") from error


def decode_content(content: str, *, base64_encoded: bool) -> bytes:
    """Decode a message as messageEncoding says. Raises UnreadableMessageError."""
    if not base64_encoded:
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise UnreadableMessageError(
            "The message is not valid Base64, which host.json's messageEncoding asks for (set it to none for plain text)"
        ) from error


def metadata(message: QueueMessage) -> Mapping[str, TypedData]:
    """The trigger metadata that the app gets with the message."""
    return {
        "Id": TypedData(string=message.id),
        "DequeueCount": TypedData(json=json.dumps(message.dequeue_count)),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "InsertionTime": TypedData(json=_time(message.inserted_on)),
        "ExpirationTime": TypedData(json=_time(message.expires_on)),
        "NextVisibleTime": TypedData(json=_time(message.next_visible_on)),
    }


def attempts(message: QueueMessage) -> int:
    """How often a received message was received."""
    return message.dequeue_count or 0


def _time(value: datetime | None) -> str:
    return json.dumps(value.isoformat() if value else None)
