"""A whole stack that exports, prices its events and redacts, on the real Functions host."""

from __future__ import annotations

import json

import httpx

from harness import privacy
from harness.event_log import EventLog
from harness.otlp_receiver import OtlpReceiver, otlp_receiver
from harness.tools import require_func
from harness.waiting import poll_until
from local.stack import Stack
from tests.e2e.conftest import POLLING

_PATH = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
_ADDRESS = "jane.doe@contoso.com"


def _settings(collector: OtlpReceiver) -> dict[str, str]:
    return {
        **POLLING,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY",
        "EVENT_COST": "true",
        "DEPLOYMENTS": '{"*": {"sku": "GlobalStandard"}}',
        "CONTENT_MODE": "redacted",
    }


def _ask(stack: Stack, *, stream: bool, **headers: str) -> str:
    """The id of an exchange whose prompt has an address."""
    prompt = [{"role": "user", "content": f"Write to {_ADDRESS}, please."}]
    response = httpx.post(
        stack.proxy_url + _PATH,
        json={"messages": prompt, "stream": stream},
        headers=headers,
        timeout=60,
        trust_env=False,
    )
    assert response.status_code == 200
    return response.headers["x-exchange-id"]


def test_spans_cost_and_content_mode_arrive_together() -> None:
    """The caller's wish for less holds for telemetry as well."""
    require_func()
    with (
        otlp_receiver() as collector,
        Stack(functions_host="func", settings=_settings(collector)) as stack,
        EventLog(stack) as events,
    ):
        redacted = _ask(stack, stream=True)
        unrecorded = _ask(stack, stream=False, **{"x-fnsse-content": "metadata"})
        event, bare = events.one(exchange_id=redacted), events.one(exchange_id=unrecorded)
        poll_until(lambda: len(_roots(collector)) == 2 and collector.logs, "two spans and an event")
        poll_until(lambda: _exchanges(collector) == 2, "two exchanges in the metrics")
        privacy.check_output(stack)

    assert (event["content_mode"], bare["content_mode"]) == ("redacted", "metadata")
    assert event["prompt"][0]["content"] == "Write to [EMAIL], please."
    assert bare["prompt"] is None
    for priced in (event, bare):
        assert priced["cost"]["status"] == "exact"
        assert float(priced["cost"]["amount"]) > 0
    roots = _roots(collector)
    assert roots.keys() == {redacted, unrecorded}
    tokens = roots[redacted]["gen_ai.usage.input_tokens"]
    assert tokens == event["tokens"]["input"]
    (details,) = collector.logs
    assert details["attributes"]["fnsse.exchange.id"] == redacted
    texts = json.dumps(details["attributes"]["gen_ai.input.messages"])
    assert "[EMAIL]" in texts
    assert _ADDRESS not in texts


def _roots(collector: OtlpReceiver) -> dict[str, dict[str, object]]:
    """The attributes of the exchanges' own spans, by exchange."""
    return {
        span.attributes["fnsse.exchange.id"]: span.attributes
        for span in collector.spans
        if span.name == "chat gpt-4o"
    }


def _exchanges(collector: OtlpReceiver) -> float:
    return sum(point.value for point in collector.metrics.get("fnsse.exchanges", []))
