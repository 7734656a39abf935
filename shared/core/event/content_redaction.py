"""Redacts the texts of an event: what detectors find in them is replaced, and counted by kind.

It is done when the texts are whole and before they are truncated: a card number may come in five
deltas of a stream, and be cut in two by truncation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from shared.core.detect.redactor import Redactor
from shared.core.event.shape import Event
from shared.core.wire.json import json_shape

_MIN_DIGITS: Final = 8  # of a number that may be an account's or a person's
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_MAX_DEPTH: Final = 4  # of JSON within texts of JSON


def redact(event: Event, redactor: Redactor) -> Event:
    """The event with `redactions`."""
    run = _Run(redactor)
    return replace(
        event,
        # what callers or models wrote; the other fields name and count
        content=run.value(event.content),
        prompt=run.value(event.prompt),
        instructions=run.value(event.instructions),
        parameters=run.value(event.parameters),
        form=run.value(event.form),
        user=run.value(event.user),
        metadata=run.value(event.metadata),
        prompt_cache_key=run.value(event.prompt_cache_key),
        choices=run.value(event.choices),
        output=run.value(event.output),
        finish_reason=run.value(event.finish_reason),
        error=run.value(event.error),
        problems=run.value(event.problems),
        images=run.value(event.images),
        audio=run.value(event.audio),
        prompt_filter_results=run.value(event.prompt_filter_results),
        content_filters=run.value(event.content_filters),
        session_headers=run.value(event.session_headers),
        request_headers=run.value(event.request_headers),
        path=run.value(event.path),
        # at the end: the fields above are counted
        redactions=dict(sorted(run.counts.items())),
    )


class _Run:
    """The redaction of one event."""

    def __init__(self, redactor: Redactor) -> None:
        self.counts: Counter[str] = Counter()
        self._redactor = redactor

    def value(self, value: Any, depth: int = 0) -> Any:
        """A copy of a value of an event. `depth`: how many texts of JSON it is within."""
        match value:
            case str():
                return self._text(value, depth)
            case dict():
                return self._object(value, depth)
            case list():
                return [self._member(item, depth) for item in value]
            case tuple():
                return tuple(self.value(item, depth) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            inner = {part.name: self.value(getattr(value, part.name)) for part in fields(value)}
            return replace(value, **inner)
        return value

    def _object(self, members: dict[str, Any], depth: int) -> dict[str, Any]:
        redacted: dict[str, Any] = {}
        for name, value in members.items():
            key = self._text(name, depth)
            while key in redacted:
                key += "_"
            redacted[key] = self._member(value, depth)
        return redacted

    def _member(self, value: Any, depth: int) -> Any:
        """A member of JSON, which may be a number that identifies somebody."""
        if type(value) is not int or abs(value) < 10**_MIN_DIGITS:
            return self.value(value, depth)
        text = self._redactor.redact(str(value), self.counts)
        return value if text == str(value) else text

    def _text(self, text: str, depth: int) -> str:
        if "\\" in text and text.lstrip()[:1] in {"{", "["} and depth < _MAX_DEPTH:
            return self._json(text, depth)
        return self._redactor.redact(text, self.counts)

    def _json(self, text: str, depth: int) -> str:
        """A text that may be JSON, and then escapes characters. It keeps its form if nothing is
        found in it.
        """
        document = json_shape.parse(text)
        if document is None:  # cut, or malformed
            plain = _ESCAPE.sub(_character, text)
            redacted = self._redactor.redact(plain, self.counts)
            return text if redacted == plain else redacted
        redacted_document = self.value(document, depth + 1)
        if redacted_document == document:
            return text
        return json.dumps(redacted_document, ensure_ascii=False)


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))
