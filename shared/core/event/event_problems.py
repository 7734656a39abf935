"""The problems of an event: what of its captures is missing or could not be read."""

from __future__ import annotations

from shared.core.event.sources import EventSources


def problems(sources: EventSources) -> tuple[str, ...]:
    """A sentence for each part of the captures that is missing or could not be read."""
    envelope, summary = sources.envelope, sources.summary
    sentences = [*([summary.problem] if summary.problem else []), *sources.answer.problems]
    if sources.request is None and envelope.request_bytes:
        sentences.append("the request's capture is missing: what was asked is not known")
    if sources.request is not None and sources.request.is_partial:
        sentences.append("the request's capture is partial: the instance was killed meanwhile")
    if sources.response is None and envelope.response_bytes:
        sentences.append("the response's capture is missing: its content is not known")
    return tuple(sentences)
