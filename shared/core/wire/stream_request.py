"""Which requests can ask for a stream in their JSON body, and by which member they do.

Chat completions, completions and responses are looked at whatever their content type says. So is
every other POST of JSON: images, speech, runs of assistants, and what is not known by name, because
a stream of what comes next is cut by the same load balancers. Embeddings alone are never streamed.
Uploads in parts and binary bodies are not looked at: they pass as they come.
"""

from __future__ import annotations

from typing import Any, Final

_WHATEVER_THE_TYPE: Final = frozenset({"chat.completions", "completions", "responses"})
_NEVER_STREAMED: Final = frozenset({"embeddings"})
_STREAM: Final = ("stream", True)
# Of speech `stream` says nothing: its sound comes in pieces anyway. This asks for events.
_MEMBERS: Final = {"audio.speech": ("stream_format", "sse")}


def is_examined(operation: str, method: str, content_type: str) -> bool:
    """Whether the body has to be held and looked at before it is sent."""
    if operation in _WHATEVER_THE_TYPE:
        return True
    return method == "POST" and operation not in _NEVER_STREAMED and _is_json(content_type)


def member(operation: str) -> tuple[str, bool | str]:
    """(name, value) of the member that asks for a stream."""
    return _MEMBERS.get(operation, _STREAM)


def asks(document: dict[str, Any], operation: str) -> bool:
    """Whether a request's parsed body asks for a stream. `"true"` and 1 do not."""
    name, value = member(operation)
    said = document.get(name)
    return type(said) is type(value) and said == value


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")
