"""Rules for the content of an event, by what its client and the upstream saw. Pure.

Every event that arrives is held against these rules, duplicates and replays included. All events of
an exchange say the same. `aborted` stands beside a true outcome in one case only: storage forgot
the capture that says how the exchange ended. Otherwise reconcile calls an exchange `aborted` only
when the recorder can no longer store its end (docs/explanation/delivery.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from local.events.feed import DeliveredEvent
from prove.observation import ClientObservation
from prove.upstream_calls import UpstreamRecord

Policy = Literal["best_effort", "required"]

_PARTIAL: Final = "the request's capture is partial: the instance was killed meanwhile"
# Members that an event has from its captures; the others come from the envelope, whatever storage
# holds by then.
_FROM_CAPTURES: Final = frozenset(
    {
        "choices", "client", "content", "content_filters", "correlation", "finish_reason", "model",
        "metadata", "parameters", "problems", "prompt", "prompt_cache_key", "prompt_filter_results",
        "cost", "quantities",
        "rate_limit", "region", "request_capture", "request_headers", "request_sha256",
        "response_capture", "response_sha256", "served", "session_headers",
        "time_to_first_token_ms", "usage_estimate", "usage_source", "user",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """The faults of a proof, and so which ends it excuses."""

    policy: Policy = "best_effort"
    # a host or worker was stopped: exchanges may end as aborted, and clients be cut off
    stopped: bool = False
    # captures may be missing; with `required`, exchanges may be rejected
    storage_failed: bool = False
    # storage has forgotten captures of this exchange that it had acknowledged
    captures_forgotten: bool = False


@dataclass(frozen=True, kw_only=True)
class ExchangeView:
    """One exchange as both ends saw it; None: that end did not see it."""

    client: ClientObservation | None
    upstream: UpstreamRecord | None

    @property
    def delivered_whole(self) -> bool:
        """The client has the upstream's whole response, unchanged."""
        return (
            self.client is not None
            and self.upstream is not None
            and self.upstream.finished
            and self.client.whole
            and self.client.body_sha256 == self.upstream.response_sha256
        )

    @property
    def outcome(self) -> str | None:
        """How it ended, if the client knows: it has the whole response, or the app's refusal."""
        if self.client is None or not self.client.whole:
            return None
        if self.delivered_whole:
            return "completed" if self.client.status == 200 else "upstream_error"
        # 502 stands for an upstream that gave no response; anything else here was cut by the app.
        return "upstream_error" if self.client.status == 502 else None


type Rule = Callable[[DeliveredEvent, ExchangeView, Circumstances], Iterator[str]]


def wrong_statements(
    copies: Sequence[DeliveredEvent], view: ExchangeView, circumstances: Circumstances
) -> list[list[str]]:
    """For each event of an exchange, what it says wrongly. Empty: it is right."""
    return [
        [
            *(text for rule in _RULES for text in rule(event, view, circumstances)),
            *_contradictions(copies[0], event, circumstances),
        ]
        for event in copies
    ]


def _contradictions(
    first: DeliveredEvent, other: DeliveredEvent, circumstances: Circumstances
) -> Iterator[str]:
    """The members in which a later event differs from the first one."""
    if circumstances.captures_forgotten and "aborted" in {first["outcome"], other["outcome"]}:
        return
    ignored = {"replayed"}
    if first["problems"] != other["problems"] or _captures(first) != _captures(other):
        ignored |= _FROM_CAPTURES
    differences = [
        key
        for key in sorted(first.keys() | other.keys())
        if key not in ignored and first.get(key) != other.get(key)
    ]
    if differences:
        yield f"not as in the first event: {', '.join(differences)}"


def _captures(event: DeliveredEvent) -> tuple[str | None, str | None]:
    return event["request_capture"], event["response_capture"]


def _request(
    event: DeliveredEvent, view: ExchangeView, circumstances: Circumstances
) -> Iterator[str]:
    """The event is of the request that the client sent."""
    if view.client is not None:
        chat = view.client.chat
        if event["deployment"] != chat.deployment:
            yield "deployment"
        # a part of the request may not say whether it asks for a stream
        if event["stream"] != chat.stream and not (
            event["outcome"] == "rejected" or is_partial(event)
        ):
            yield "stream"
        excused = event["truncated"] or is_partial(event) or _lacks(event, "request", circumstances)
        if event["prompt"] != chat.messages and not excused:
            yield "prompt"
        if is_partial(event) and not _may_be_partial(event, view, circumstances):
            yield "a part of the request"
    if view.upstream is not None:
        if view.upstream.count > event.get("attempts", 1):
            yield f"the upstream was called {view.upstream.count} times"
        whole = view.upstream.finished and event["request_sha256"] is not None
        if (
            whole
            and not is_partial(event)
            and event["request_sha256"] != view.upstream.request_sha256
        ):
            yield "request_sha256"


def is_partial(event: DeliveredEvent) -> bool:
    """The event says that it has the beginning of the request only."""
    return _PARTIAL in event["problems"]


def _may_be_partial(
    event: DeliveredEvent, view: ExchangeView, circumstances: Circumstances
) -> bool:
    """Its instance was killed while it stored the request, before the upstream had it if the policy
    is `required`.
    """
    upstream_first = circumstances.policy == "best_effort" or view.upstream is None
    return event["outcome"] == "aborted" and circumstances.stopped and upstream_first


def _outcome(
    event: DeliveredEvent, view: ExchangeView, circumstances: Circumstances
) -> Iterator[str]:
    """The outcome is one that what happened allows."""
    if event["outcome"] not in allowed_outcomes(view, circumstances):
        yield f"outcome {event['outcome']}"
    if event["outcome"] == "completed" and not (view.upstream and view.upstream.finished):
        yield "completed, and the upstream did not finish"


def allowed_outcomes(view: ExchangeView, circumstances: Circumstances) -> set[str]:
    """The outcomes that what happened allows."""
    true = view.outcome
    if true is not None:
        # A worker may die after the response and before its capture; `required` holds the end until
        # it is stored.
        late = circumstances.stopped and circumstances.policy == "best_effort"
        return {true, "aborted"} if late or circumstances.captures_forgotten else {true}
    allowed = set()
    if circumstances.stopped:
        allowed |= {"completed", "aborted", "client_disconnected"}
    if circumstances.storage_failed and circumstances.policy == "required":
        allowed.add("rejected")
    return allowed


def _answer(
    event: DeliveredEvent, view: ExchangeView, circumstances: Circumstances
) -> Iterator[str]:
    """The event's account of the response agrees with what the upstream sent and the client got."""
    client = view.client
    if event["outcome"] == "aborted":
        if event["status_code"] is not None or event["content"]:
            yield "an aborted exchange has an answer"
        return
    if client is not None and client.status not in {None, event["status_code"]}:
        yield "status_code"
    if event["outcome"] != "completed" or view.upstream is None:
        return
    if {event["sent_bytes"], event["response_bytes"]} != {view.upstream.response_bytes}:
        yield "sent_bytes or response_bytes"
    if _lacks(event, "response", circumstances):
        return
    if event["response_sha256"] != view.upstream.response_sha256:
        yield "response_sha256"
    if view.delivered_whole and client is not None:
        yield from _content(event, client)


def _content(event: DeliveredEvent, client: ClientObservation) -> Iterator[str]:
    if event["content"] != client.content:
        yield "content"
    if event["usage"] != client.usage:
        yield "usage"
    if event["problems"]:
        yield f"problems {event['problems']}"


def _lacks(
    event: DeliveredEvent, side: Literal["request", "response"], circumstances: Circumstances
) -> bool:
    """A capture of the event is missing, which a failing storage excuses; the event says so."""
    excused = circumstances.storage_failed or event["outcome"] == "rejected"
    return excused and (event[f"{side}_capture"] is None or bool(event["problems"]))


def _integrity(
    event: DeliveredEvent, view: ExchangeView, circumstances: Circumstances
) -> Iterator[str]:
    """No event reports an altered capture: nobody alters one here, and kills, retries and cuts do
    not.
    """
    altered = [text for text in event["problems"] if "capture was altered" in text]
    if altered and not circumstances.captures_forgotten:
        yield f"problems {altered}"


_RULES: Final[Sequence[Rule]] = (_request, _outcome, _answer, _integrity)
