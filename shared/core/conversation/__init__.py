"""The conversation of an exchange: its prompt and its answer as messages, whatever the operation.

In: an event as JSON. Out: messages, whose parts are texts, files, tool calls and their results.

* `parts`: messages, their parts, and typed contents.
* `chat`: chat completions and completions.
* `responses`: the Responses API.
* `media`: embeddings, images and audio.
* `of_event`: the conversation of any event.

It may import `shared.core.wire`. The view shows these messages, and `telemetry` exports them.
"""

from __future__ import annotations

from shared.core.conversation.of_event import conversation, searched_text
from shared.core.conversation.parts import Message, Part

__all__ = ["Message", "Part", "conversation", "searched_text"]
