"""Whether a document or an event reports an error, and which. The relay asks this of the events at
a stream's end, enrichment of everything that it parses: both read by the same rules.
"""

from __future__ import annotations

from typing import Final

from shared.core.wire.json.json_shape import Json, JsonObject, text

# A flat error has a code and a message. A success may have both as well: then its code is one of
# these, or it holds one of the members below. (`"data": null` is in errors as well.)
_SUCCESS_CODES: Final = frozenset({"", "0", "ok", "success", "successful", "succeeded"})
_ANSWER_MEMBERS: Final = ("data", "output", "text", "delta", "response", "usage")
_ANSWER_MARKS: Final = frozenset({"choices", "id"})  # with any value


def error_of(document: JsonObject, event: str = "message") -> JsonObject | None:
    """The error that a document holds (`{"error": {…}}`) or is (`{"type": "error", "message": …}`),
    as it came; None if it reports none. `event` is the SSE event's name.
    """
    error = document.get("error")
    if isinstance(error, str) and error:
        return {"message": error}
    if isinstance(error, dict) and any(value is not None for value in error.values()):
        return error
    flat = is_flat_error(document) or (error is True and bool(text(document.get("message"))))
    if not flat and not (document and "error" in _names(document, event)):
        return None
    return {name: value for name, value in document.items() if name != "sequence_number"}


def is_flat_error(document: JsonObject) -> bool:
    """API Management's own errors are `{"statusCode": 429, "message": …}`; some servers send
    `{"code", "message"}`.
    """
    codes = [document[name] for name in ("code", "statusCode") if name in document]
    return (
        bool(text(document.get("message")))
        and bool(codes)
        and not all(map(_is_success, codes))
        and _ANSWER_MARKS.isdisjoint(document)
        and not any(map(document.get, _ANSWER_MEMBERS))
    )


def _names(document: JsonObject, event: str) -> tuple[str, str, str]:
    """The names that an event or a document has for its kind."""
    return event, text(document.get("type")), text(document.get("object"))


def _is_success(code: Json) -> bool:
    if code is None or code is False:
        return True
    word = str(code).strip().lower()
    return word in _SUCCESS_CODES or (len(word) == 3 and word.isdecimal() and word[0] == "2")
