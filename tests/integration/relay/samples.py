"""The request and the events that tests of the relay send through it."""

from __future__ import annotations

import json

from tests.integration.support.exchanges import event_of

ASK = json.dumps(
    {"stream": True, "messages": [{"role": "user", "content": "žluť 🐎"}]}, ensure_ascii=False
).encode()
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
FILTER = event_of(choices=[], prompt_filter_results=[], id="", model="")
TEXT = event_of(
    choices=[{"index": 0, "delta": {"content": "žluť\u2028🐎"}}], model="gpt-4o", usage=None
)
STOP = event_of(
    choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], model="gpt-4o", usage=None
)
USAGE_CHUNK = event_of(choices=[], usage=USAGE, model="gpt-4o")
DONE = b"data: [DONE]\n\n"
# an operation whose streams have no known end
IMAGES = "/openai/deployments/image/images/generations"
# operations whose streams have a last event instead of [DONE]
SPEECH = "/openai/deployments/tts/audio/speech"
TRANSCRIPTION = "/openai/deployments/whisper/audio/transcriptions"
SOUND = event_of(type="speech.audio.delta", audio="UklGRg==")
SOUND_DONE = event_of(type="speech.audio.done", usage=USAGE)
WORD = event_of(type="transcript.text.delta", delta="one")
WORD_DONE = event_of(type="transcript.text.done", text="one")
STREAM = FILTER + TEXT + b": comment\r\n\r\n" + STOP + USAGE_CHUNK + DONE
