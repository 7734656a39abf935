"""Responses without a body, with either status and policy: each event says how it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.chat import API_VERSION
from harness.http_client import ReceivedResponse, call
from harness.schema import valid
from harness.waiting import poll_until
from local.events.feed import DeliveredEvent
from local.stack import FunctionsHost
from prove.event_rules import Policy
from prove.evidence import gather
from prove.result import Progress, ProofResult
from prove.testbed import TestBed

_CHAT: Final = b'{"messages": [{"role": "user", "content": "Hi"}]}'
_INPUT: Final = b'{"model": "gpt-4o", "input": "Hi"}'


@dataclass(frozen=True, kw_only=True)
class EmptyResponse:
    """A call whose response has no body, and its event."""

    method: str
    path: str  # below /openai/
    status: int
    outcome: str
    error_code: str | None  # None: the event has no error
    body: bytes = b""

    @property
    def name(self) -> str:
        """Status, method and path, as a report names the response."""
        return f"{self.status} of {self.method} {self.path}"


_CHATS: Final = "deployments/empty/chat/completions"


def _unreadable(path: str, body: bytes) -> EmptyResponse:
    """An operation that answers JSON cannot have succeeded with nothing."""
    return EmptyResponse(
        method="POST", path=path, status=200, body=body,
        outcome="completed", error_code="unreadable_answer",
    )  # fmt: skip


def _refusal(status: int) -> EmptyResponse:
    return EmptyResponse(
        method="POST", path=_CHATS, status=status, body=_CHAT,
        outcome="upstream_error", error_code="upstream_error",
    )  # fmt: skip


def _right(method: str, path: str, status: int = 200, body: bytes = b"") -> EmptyResponse:
    """An operation that does not answer JSON may answer nothing."""
    return EmptyResponse(
        method=method, path=path, status=status, body=body, outcome="completed", error_code=None
    )


EMPTY_RESPONSES: Final = (
    _unreadable(_CHATS, _CHAT),
    _unreadable("deployments/empty/embeddings", _INPUT),
    _unreadable("responses", _INPUT),
    _refusal(500),
    _refusal(429),
    _right("POST", "deployments/empty/audio/speech", body=_INPUT),
    _right("DELETE", "responses/resp_1", 204),
    _right("DELETE", "files/file-1"),
    _right("GET", "files"),
    _right("HEAD", "models"),
)


def empty_responses(
    kind: FunctionsHost, policy: Policy, *, repetitions: int, progress: Progress
) -> ProofResult:
    """Make each call some times. Its client closes as soon as it has the response."""
    result = ProofResult(title=f"responses without a body, {kind} host, CAPTURE_POLICY={policy}")
    expected: dict[str, EmptyResponse] = {}
    with TestBed(kind, CAPTURE_POLICY=policy) as bed:
        for case in EMPTY_RESPONSES * repetitions:
            response = _call(bed, case)
            expected[response.exchange_id] = case
            result.check(
                holds=response.status == case.status and response.whole and not response.body,
                sentence=f"the client did not get the {case.name}",
            )
        poll_until(
            lambda: expected.keys() <= gather(bed, outcomes=False).events.keys(),
            "events",
            within_s=60,
        )
        bed.operator.reconcile()
        events = gather(bed).events
    progress(f"{result.title}: {len(expected)} exchanges")
    wrong = [
        f"{case.name}: {text}"
        for exchange_id, case in expected.items()
        for text in _wrong_statements(case, events[exchange_id])
    ]
    result.check(
        holds=not wrong, sentence=f"{len(wrong)} events are wrong: {sorted(set(wrong))[:5]}"
    )
    outcomes = Counter(copies[0]["outcome"] for copies in events.values())
    result.counts = {
        "exchanges that clients began": len(expected),
        "exchanges on the Event Hub": len(events),
        "events compared": sum(map(len, events.values())),
        "of those wrong": len(wrong),
        **{f"outcome {outcome}": count for outcome, count in sorted(outcomes.items())},
    }
    return result


def _call(bed: TestBed, case: EmptyResponse) -> ReceivedResponse:
    directives = "empty" if case.status == 200 else f"empty; status={case.status}"
    headers = [
        ("content-type", "application/json"), ("api-key", "any"), ("x-stand-in", directives),
    ]  # fmt: skip
    target = f"/openai/{case.path}?api-version={API_VERSION}"
    return call(bed.stack.proxy_url, case.method, target, headers, case.body)


def _wrong_statements(case: EmptyResponse, copies: Sequence[DeliveredEvent]) -> list[str]:
    wrong = []
    for event in map(valid, copies):
        code = None if event["error"] is None else event["error"].get("code")
        actual = (event["outcome"], event["status_code"], code, event["content"])
        if actual != (case.outcome, case.status, case.error_code, ""):
            wrong.append(f"the event says {actual}")
    return wrong
