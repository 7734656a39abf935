"""Parts of a chat message besides text and calls. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from emulators.azure_openai.choices import ModelOutput, ReplyChoice

_AUDIO_BYTES: Final = 96  # stands for the audio of each piece of the transcript


def logprobs(pieces: Iterable[str]) -> list[object]:
    """An entry for each piece, for `logprobs: true`."""
    return [
        {"token": piece, "logprob": -0.25, "bytes": list(piece.encode()), "top_logprobs": []}
        for piece in pieces
    ]


def url_citations(text: str) -> list[object]:
    """A citation of the whole text."""
    citation = {"url": "https://example.com/harbour", "title": "Harbour", "start_index": 0}
    return [{"type": "url_citation", "url_citation": {**citation, "end_index": len(text)}}]


def context(output: ModelOutput) -> dict[str, object]:
    """The context that On Your Data adds to a message."""
    citation = {
        "content": "Ships leave before dawn.",
        "title": "Harbour",
        "filepath": "harbour.md",
        "url": None,
    }
    return {
        "context": {
            "citations": [{**citation, "chunk_id": "0"}],
            "intent": f'["{output.request.seed[:8]}"]',
        }
    }


def speaks(output: ModelOutput) -> bool:
    """Whether the request's `modalities` include audio."""
    modalities = output.request.parameters.get("modalities")
    return isinstance(modalities, list) and "audio" in modalities


def audio(output: ModelOutput, choice: ReplyChoice) -> dict[str, object]:
    """The audio of a message."""
    data = b"".join(_audio_bytes(output, at) for at in range(len(choice.pieces)))
    return {**_head(output), "data": base64.b64encode(data).decode(), "transcript": choice.text}


def audio_deltas(output: ModelOutput, choice: ReplyChoice) -> Iterator[dict[str, object]]:
    """The audio as deltas: id, then transcript and data alternating, then expiry."""
    yield {"audio": {"id": output.id("audio_")}}
    for at, piece in enumerate(choice.pieces):
        yield {"audio": {"transcript": piece}}
        yield {"audio": {"data": base64.b64encode(_audio_bytes(output, at)).decode()}}
    yield {"audio": {"expires_at": _head(output)["expires_at"]}}


def _head(output: ModelOutput) -> dict[str, object]:
    return {"id": output.id("audio_"), "expires_at": output.created + 3600}


def _audio_bytes(output: ModelOutput, at: int) -> bytes:
    return hashlib.shake_256(f"{output.request.seed}:{at}".encode()).digest(_AUDIO_BYTES)
