"""A serving app: its health, its status, and a test exchange followed to its event."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import httpx

from local.app_access import AppAccess
from local.doctor.check import DoctorCheck, ok, problem, skip, warning
from local.events.feed import DeliveredEvent
from local.reachable import sentences
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER

_EVENT_WITHIN_S: Final = 60.0
_UNDELIVERED: Final = "docs/how-to/alerts/nothing-delivered.md"
# for a part that `/health/ready` calls degraded
_REMEDIES: Final = {"content_policy": "docs/how-to/change-the-content-policy.md, what is wrong"}
_OPENAI_ROLE: Final = "Cognitive Services OpenAI User on the account of AZURE_OPENAI_BASE_URL"
_OLD_S: Final = 300.0  # an envelope that waits longer means that delivery does not keep up
_TEXT: Final = "Reply with one word: is everything well?"


class Feed(Protocol):
    """Events as they arrive on the Event Hub."""

    def event_of(self, exchange_id: str, *, within_s: float) -> DeliveredEvent | None:
        """The event of an exchange; None if it does not arrive in time."""
        ...


type OpenFeed = Callable[[], AbstractContextManager[Feed]]


def health(access: AppAccess, settings: Mapping[str, str]) -> Iterator[DoctorCheck]:
    """Whether it runs, and reaches what it needs."""
    with access.client() as client:
        try:
            alive = client.get("/health")
            ready = client.get("/health/ready")
        except httpx.HTTPError as error:
            yield problem(
                f"{access.url} does not answer: {type(error).__name__}",
                "check the address, and whether the app is started",
            )
            return
    if alive.status_code != httpx.codes.OK:
        yield problem(
            f"GET /health: {alive.status_code}",
            "the host runs and the app does not: look into its log for the first error",
        )
        return
    yield ok(f"{access.url} serves")
    yield from _readiness(ready, settings)


def _readiness(ready: httpx.Response, settings: Mapping[str, str]) -> Iterator[DoctorCheck]:
    try:
        states: dict[str, Any] = ready.json()
    except ValueError:
        yield problem(f"GET /health/ready: {ready.status_code}", "is this address fnsse's?")
        return
    for sentence in sentences(states, settings):
        finding, _, remedy = sentence.partition(" - ")
        yield problem(finding, remedy)
    for name, reason in states.get("degraded", {}).items():
        yield problem(f"{name}: {reason}", _REMEDIES.get(name, _UNDELIVERED))
    for name in ("settings", "worker_library"):
        if name in states:
            yield warning(f"{name}: {states[name]}", "docs/reference/functions.md, Health")
    if states.get("status") == "ready":
        yield ok("the app reaches queue, blobs and Event Hub")


def status(access: AppAccess) -> Iterator[DoctorCheck]:
    """The operators' view: what waits, what failed and why."""
    with access.client() as client:
        response = client.get("/ops/status", headers=dict(access.operator))
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        yield skip(
            f"GET /ops/status: {response.status_code}, it is for operators",
            "give FNSSE_OPERATOR_KEY (the app's master key) or FNSSE_OPERATOR_TOKEN",
        )
        return
    if response.status_code != httpx.codes.OK:
        yield problem(f"GET /ops/status: {response.status_code}", "is the app's version older?")
        return
    yield from judge(response.json())


def judge(report: Mapping[str, Any]) -> Iterator[DoctorCheck]:
    """The findings in a response of `GET /ops/status`."""
    recording = report["worker"]["recording"]
    if recording["lost"]:
        yield problem(
            f"{recording['lost']} exchanges could not be recorded by this worker",
            "the log has their envelopes: docs/reference/log-lines.md",
        )
    if recording["waiting"]:
        yield warning(
            f"{recording['waiting']} exchanges wait in memory for storage",
            "do not stop the app; look at the storage account",
        )
    unread = [name for name in ("queue", "reconcile", "dead_letters") if "error" in report[name]]
    if unread:
        yield problem(
            f"the app cannot read {', '.join(unread)}: storage cannot be reached",
            "check AzureWebJobsStorage and CAPTURES_STORAGE, and the identity's roles",
        )
        return
    age_s = report["queue"]["oldest_age_s"] or 0
    if age_s > _OLD_S:
        yield warning(
            f"the oldest of {report['queue']['length']} envelopes waits since {age_s:.0f} s",
            "docs/how-to/alerts/nothing-delivered.md",
        )
    else:
        yield ok(f"{report['queue']['length']} envelopes on the queue")
    if report["reconcile"]["waiting"]:
        yield warning(
            f"reconcile did nothing at its last run: {report['reconcile']['waiting']}",
            "docs/how-to/alerts/reconcile-incomplete.md",
        )
    if count := report["dead_letters"]["count"]:
        yield warning(f"{count} dead letters", "docs/how-to/dead-letters.md")


def exchange(access: AppAccess, deployment: str, feed: OpenFeed | None) -> Iterator[DoctorCheck]:
    """A small call, and its event."""
    if feed is None:
        check, _ = _ask(access, deployment)
        yield check
        yield skip(
            "the test exchange was not followed to its event",
            "give AZURE_EVENTHUB_NAMESPACE (or AZURE_EVENTHUB_CONN_STR) and AZURE_EVENTHUB_NAME, "
            "with a role that may listen",
        )
        return
    with feed() as events:
        check, exchange_id = _ask(access, deployment)
        yield check
        if exchange_id is not None:
            yield _event(events, exchange_id)


def _ask(access: AppAccess, deployment: str) -> tuple[DoctorCheck, str | None]:
    body = {"model": deployment, "messages": [{"role": "user", "content": _TEXT}]}
    started_at = time.monotonic()
    with access.client() as client:
        response = client.post(
            "/openai/v1/chat/completions", json=body, headers=dict(access.caller)
        )
    exchange_id = response.headers.get(EXCHANGE_ID_HEADER)
    took_ms = (time.monotonic() - started_at) * 1000
    if response.status_code == httpx.codes.OK:
        text = f"a test exchange with {deployment} was answered after {took_ms:.0f} ms"
        return ok(f"{text} ({exchange_id})"), exchange_id
    return _rejected_call(response, deployment), exchange_id


def _rejected_call(response: httpx.Response, deployment: str) -> DoctorCheck:
    remedies = {
        401: "give FNSSE_KEY (a function key) or FNSSE_TOKEN; or check AZURE_OPENAI_KEY of the app, "
        f"without which its identity needs the role {_OPENAI_ROLE}",
        403: f"the app's identity needs the role {_OPENAI_ROLE}; or the account's network lets only "
        "others in",
        404: f"is there a deployment {deployment}? make doctor DEPLOYMENT=<its name>",
    }
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "no error of fnsse or Azure OpenAI"
    return problem(
        f"a test exchange with {deployment} was answered {response.status_code}: {message}",
        remedies.get(response.status_code, "docs/reference/errors.md"),
    )


def _event(events: Feed, exchange_id: str) -> DoctorCheck:
    started_at = time.monotonic()
    event = events.event_of(exchange_id, within_s=_EVENT_WITHIN_S)
    if event is not None:
        waited_s = time.monotonic() - started_at
        kind, outcome = event.get("type"), event.get("outcome")
        return ok(f"its event arrived after {waited_s:.1f} s: {json.dumps(kind)}, {outcome}")
    return problem(
        f"its event did not arrive within {_EVENT_WITHIN_S:.0f} s",
        f"GET /ops/status says what waits; docs/how-to/find-an-exchange.md for {exchange_id}",
    )
