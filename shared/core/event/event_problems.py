"""The error of an exchange, and the problems with its captures, as its event states them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from shared.core.event.sources import EventSources
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.json.json_shape import JsonObject

_CUT: Final = "Azure OpenAI ended its response before it was whole."


def error(sources: EventSources, outcome: Outcome) -> JsonObject | None:
    """The upstream's error, else the relay's, else what the response itself shows."""
    answer, failure = sources.answer, sources.envelope.failure
    if answer.error is not None:
        return answer.error
    if failure is not None:
        return asdict(failure)
    if outcome is Outcome.UPSTREAM_INTERRUPTED and outcome is not sources.envelope.outcome:
        return {"code": "upstream_interrupted", "message": _CUT}
    if sources.is_upstream_error and not sources.envelope.response_bytes:
        status = sources.envelope.upstream_status_code
        message = f"Azure OpenAI answered {status}, and no body came."
        return {"code": "upstream_error", "message": message}
    if not answer.unreadable:
        return None
    return {"code": "unreadable_answer", "message": answer.problems[0]}


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
