"""Audio: speech to text (multipart up) and text to speech (bytes down, piece by piece). Pure."""

import base64
import hashlib
from collections.abc import Iterator

from local.azure_openai import sse
from local.azure_openai.answer import SSE, StandInResponse, json_answer
from local.azure_openai.choices import Reply

_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_PIECE_BYTES = 1024  # of speech, unless content_size sets the total


def transcription(served: Reply) -> StandInResponse:
    """The text in the requested response_format, or a stream of `transcript.text.*` events."""
    text = served.choices[0].text
    if served.ask.flag("stream"):
        return StandInResponse(
            content_type=SSE, body=sse.dressed(_transcript_events(served), served.directives)
        )
    response_format = served.ask.text("response_format", "json")
    if response_format == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": 2.5, "text": text}
        return json_answer(
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
    return json_answer({"text": text, "usage": _usage(served)})


def speech(served: Reply) -> StandInResponse:
    """Bytes in place of sound: `chunks` pieces of 1 KB, or `content_size` bytes in `chunks`
    pieces.
    """
    if served.ask.text("stream_format") == "sse":
        return StandInResponse(
            content_type=SSE, body=sse.dressed(_speech_events(served), served.directives)
        )
    kind = _TYPES.get(served.ask.text("response_format", "mp3"), "application/octet-stream")
    return StandInResponse(content_type=kind, body=_sound(served))


def _sound(served: Reply) -> Iterator[bytes]:
    chunks = max(1, served.directives.chunks)
    remaining = served.directives.content_size or chunks * _PIECE_BYTES
    share = -(-remaining // chunks)
    for index in range(chunks):
        yield hashlib.shake_256(f"{served.ask.seed}:{index}".encode()).digest(min(share, remaining))
        remaining -= min(share, remaining)


def _speech_events(served: Reply) -> Iterator[bytes]:
    for piece in _sound(served):
        yield sse.data({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    if not served.directives.no_finish:
        yield sse.data({"type": "speech.audio.done", "usage": _usage(served)})


def _transcript_events(served: Reply) -> Iterator[bytes]:
    for piece in served.choices[0].pieces:
        yield sse.data({"type": "transcript.text.delta", "delta": piece})
    if not served.directives.no_finish:
        done = {"type": "transcript.text.done", "text": served.choices[0].text}
        yield sse.data({**done, "usage": _usage(served)})


def _usage(served: Reply) -> dict[str, object]:
    output = served.choices[0].tokens
    return {
        "type": "tokens",
        "input_tokens": served.ask.prompt_tokens,
        "input_token_details": {"audio_tokens": 0, "text_tokens": served.ask.prompt_tokens},
        "output_tokens": output,
        "total_tokens": served.ask.prompt_tokens + output,
    }
