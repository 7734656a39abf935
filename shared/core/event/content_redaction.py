"""Redacts the texts of an event: replaces the findings of detectors, and counts them by kind.

The texts are whole by then, and not truncated yet: a card number may come in five deltas of a
stream, and be cut in two by truncation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from shared.core.content.detect.redactor import Redactor
from shared.core.event.shape import Client, Correlation, Event
from shared.core.wire.json import json_shape

_GENERATED_ID: Final = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    r"|[0-9a-f]{32}"
    r"|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",  # a traceparent
    re.IGNORECASE,
)
# Versions that could be IP addresses: `Chrome/119.0.0.0` in a user agent, or all of a text.
_VERSION: Final = re.compile(
    r"((?:(?<=[A-Za-z])/|\Av?)[0-9]{1,5}(?:\.[0-9]{1,5}){1,3}(?=[\s;)]|\Z))"
)
_TOO_MANY_REQUESTS: Final = 429
_MIN_DIGITS: Final = 8  # a number of fewer digits is neither an account's nor a person's
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
# In JSON without backslashes, a string or the placeholder of a number.
_STRING_OR_PLACEHOLDER: Final = re.compile(r'"[^"]*"|-?(\[[A-Z][A-Z0-9_]*\])')
_MAX_DEPTH: Final = 4  # levels of JSON within texts of JSON


def redact(event: Event, redactor: Redactor) -> Event:
    """The event with redacted texts, and with `redactions`, the count by kind."""
    run = _Run(redactor)
    event = replace(
        event,
        # texts of callers or models; the other fields name and count
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
        api_version=run.value(event.api_version),
        client=run.client(event.client),
        correlation=run.correlation(event.correlation),
    )
    event = event if _deployment_exists(event) else _with_redacted_deployment(event, run)
    return replace(event, redactions=dict(sorted(run.counts.items())))


def _deployment_exists(event: Event) -> bool:
    """Whether the upstream's status says that it has the deployment. Its name is then an
    operator's, by which events are counted.
    """
    status = event.upstream_status_code
    return status is not None and (status < 400 or status == _TOO_MANY_REQUESTS)


def _with_redacted_deployment(event: Event, run: _Run) -> Event:
    deployment = run.value(event.deployment)
    quantities = event.quantities
    if quantities.model == event.deployment:
        quantities = replace(quantities, model=deployment)
    return replace(event, deployment=deployment, quantities=quantities)


class _Run:
    """The redaction of one event."""

    def __init__(self, redactor: Redactor) -> None:
        self.counts: Counter[str] = Counter()
        self._redactor = redactor

    def value(self, value: Any, depth: int = 0) -> Any:
        """A redacted copy of a value. `depth` counts the texts of JSON that it is within."""
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

    def client(self, client: Client) -> Client:
        """The texts by which a program names itself. Versions stay."""
        return Client(
            user_agent=self._redact_around_versions(client.user_agent),
            sdk_language=self._redact_around_versions(client.sdk_language),
            sdk_version=self._redact_around_versions(client.sdk_version),
            runtime=self._redact_around_versions(client.runtime),
            runtime_version=self._redact_around_versions(client.runtime_version),
            os=self._redact_around_versions(client.os),
        )

    def correlation(self, ids: Correlation) -> Correlation:
        """The ids of a request that callers may write. Generated ones stay."""
        return replace(
            ids,
            x_request_id=self._id(ids.x_request_id),
            x_ms_client_request_id=self._id(ids.x_ms_client_request_id),
            traceparent=self._id(ids.traceparent),
            tracestate=self._id(ids.tracestate),
        )

    def _redact_around_versions(self, text: str | None) -> str | None:
        if not text:
            return text
        pieces = _VERSION.split(text)  # pieces with an odd index are versions
        return "".join(
            piece if number % 2 else self._text(piece, 0) for number, piece in enumerate(pieces)
        )

    def _id(self, text: str | None) -> str | None:
        return text if not text or _GENERATED_ID.fullmatch(text) else self._text(text, 0)

    def _object(self, members: dict[str, object], depth: int) -> dict[str, object]:
        redacted: dict[str, object] = {}
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
        begins_like_json = text.lstrip()[:1] in {"{", "["}
        if begins_like_json and "\\" in text and depth < _MAX_DEPTH:
            return self._json(text, depth)
        redacted = self._redactor.redact(text, self.counts)
        if begins_like_json and redacted != text and json_shape.parse(text) is not None:
            return _STRING_OR_PLACEHOLDER.sub(_in_quotes, redacted)
        return redacted

    def _json(self, text: str, depth: int) -> str:
        """Redact a text that may be JSON with escaped characters. A text without findings keeps
        its form.
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


def _in_quotes(token: re.Match[str]) -> str:
    return f'"{token[1]}"' if token[1] else token[0]


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))
