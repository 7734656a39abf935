"""Audio: speech to text (multipart up) and text to speech (bytes down, piece by piece). Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Final

from emulators.azure_openai import sse
from emulators.azure_openai.choices import ModelOutput
from emulators.azure_openai.http_response import SSE, StandInResponse, json_response

_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_PIECE_BYTES: Final = 1024  # bytes of a piece of speech, unless content_size sets the total


def transcription(model_output: ModelOutput) -> StandInResponse:
    """The text in the requested response_format, or a stream of `transcript.text.*` events."""
    text = model_output.choices[0].text
    if model_output.request.flag("stream"):
        return StandInResponse(
            content_type=SSE,
            body=sse.apply_directives(_transcript_events(model_output), model_output.directives),
        )
    response_format = model_output.request.text("response_format", "json")
    if response_format == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": 2.5, "text": text}
        return json_response(
            {
                "task": "transcribe",
                "language": "english",
                "duration": 2.5,
                "text": text,
                "segments": [segment],
            }
        )
    if response_format in {"text", "srt", "vtt"}:
        return StandInResponse(content_type="text/plain; charset=utf-8", body=f"{text}\n".encode())
    return json_response({"text": text, "usage": _usage(model_output)})


def speech(model_output: ModelOutput) -> StandInResponse:
    """Bytes in place of audio: `chunks` pieces of 1 KB, or `content_size` bytes in `chunks`
    pieces.
    """
    if model_output.request.text("stream_format") == "sse":
        return StandInResponse(
            content_type=SSE,
            body=sse.apply_directives(_speech_events(model_output), model_output.directives),
        )
    kind = _TYPES.get(
        model_output.request.text("response_format", "mp3"), "application/octet-stream"
    )
    return StandInResponse(content_type=kind, body=_audio_pieces(model_output))


def _audio_pieces(model_output: ModelOutput) -> Iterator[bytes]:
    chunks = max(1, model_output.directives.chunks)
    remaining = model_output.directives.content_size or chunks * _PIECE_BYTES
    share = -(-remaining // chunks)
    for index in range(chunks):
        yield hashlib.shake_256(f"{model_output.request.seed}:{index}".encode()).digest(
            min(share, remaining)
        )
        remaining -= min(share, remaining)


def _speech_events(model_output: ModelOutput) -> Iterator[bytes]:
    for piece in _audio_pieces(model_output):
        yield sse.data({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    if not model_output.directives.no_finish:
        yield sse.data({"type": "speech.audio.done", "usage": _usage(model_output)})


def _transcript_events(model_output: ModelOutput) -> Iterator[bytes]:
    for piece in model_output.choices[0].pieces:
        yield sse.data({"type": "transcript.text.delta", "delta": piece})
    if not model_output.directives.no_finish:
        done = {"type": "transcript.text.done", "text": model_output.choices[0].text}
        yield sse.data({**done, "usage": _usage(model_output)})


def _usage(model_output: ModelOutput) -> dict[str, object]:
    output = model_output.choices[0].tokens
    return {
        "type": "tokens",
        "input_tokens": model_output.request.prompt_tokens,
        "input_token_details": {
            "audio_tokens": 0,
            "text_tokens": model_output.request.prompt_tokens,
        },
        "output_tokens": output,
        "total_tokens": model_output.request.prompt_tokens + output,
    }
