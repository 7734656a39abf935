"""The conversation of an exchange: its prompt and its answer as messages, whatever the operation.

* `parts`: messages, their parts, and typed contents.
* `chat`: chat completions and completions.
* `responses`: the Responses API.
* `media`: embeddings, images and audio.
* `of_event`: the conversation of any event.
"""

from view.exchange.conversation.of_event import conversation, searched_text
from view.exchange.conversation.parts import Message, Part

__all__ = ["Message", "Part", "conversation", "searched_text"]
