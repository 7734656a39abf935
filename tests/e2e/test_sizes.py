"""Large bodies, both ways: they pass, within a bounded memory of the worker, and their events
arrive.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import psutil
import pytest

from bench.large_prompt import measure
from bench.processes import Process, worker_of
from harness import http_client, upstream_record
from harness.chat import API_VERSION, Chat, content_of, new_deployment
from harness.event_log import EventLog
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

pytestmark = pytest.mark.thorough

MB: Final = 2**20
# What captures may hold (CAPTURE_MEMORY_MB), and what the enrichment of one large exchange takes
# beside it.
MOST_GROWTH_MB: Final = 256 + 300


class WorkerMemory:
    """The process that runs the app, and the most memory it had."""

    def __init__(self, stack: Stack) -> None:
        host = stack.parts["functions_host"]
        found = [psutil.Process(pid) for pid in (host.pid, *host.descendants())]
        pid = worker_of(
            [Process(pid=one.pid, parent=one.ppid(), program=one.name()) for one in found]
        )
        self._folder = Path("/proc") / str(pid)

    def forget_peak(self) -> float:
        """Reset the process's peak memory and return what it holds now, in MB. proc(5): 5 resets
        the peak.
        """
        (self._folder / "clear_refs").write_text("5")
        return self._status_mb("VmRSS")

    def peak_mb(self) -> float:
        return self._status_mb("VmHWM")

    def _status_mb(self, name: str) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


@pytest.fixture
def worker(stack: Stack) -> WorkerMemory:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux's /proc to see the worker's memory")
    return WorkerMemory(stack)


def test_90_mb_go_up(stack: Stack, events: EventLog, worker: WorkerMemory) -> None:
    """Byte for byte, and into a capture; the event says how many."""
    deployment, body = new_deployment(), b"0123456789abcdef" * (90 * MB // 16)
    before = worker.forget_peak()
    target = f"/openai/deployments/{deployment}/whatever?api-version={API_VERSION}"
    response = http_client.call(
        stack.proxy_url, "POST", target, [("content-type", "application/octet-stream")], body
    )
    upstream_request = upstream_record.only_request(stack, deployment=deployment)
    assert (response.status, upstream_request.body_sha256) == (
        200,
        hashlib.sha256(body).hexdigest(),
    )
    assert events.one(exchange_id=response.exchange_id)["outcome"] == "completed"
    assert worker.peak_mb() - before < MOST_GROWTH_MB


def test_100_mb_come_down(stack: Stack, events: EventLog, worker: WorkerMemory) -> None:
    """A binary answer streams through."""
    deployment = new_deployment()
    before = worker.forget_peak()
    target = f"/openai/deployments/{deployment}/audio/speech?api-version={API_VERSION}"
    headers = [
        ("content-type", "application/json"),
        ("x-stand-in", f"chunks=100; content_size={100 * MB}"),
    ]
    with http_client.Call(stack.proxy_url, "POST", target, headers, b'{"input":"a"}') as call:
        size = 0
        while (piece := call.piece()) is not None:
            size += len(piece.data)
        response = call.response()
    assert (response.whole, size) == (True, 100 * MB)
    assert events.one(exchange_id=response.exchange_id)["outcome"] == "completed"
    assert worker.peak_mb() - before < MOST_GROWTH_MB


@on_embedded_alone
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_20_mb_prompt_and_a_5_mb_answer_become_an_event(
    stack: Stack, events: EventLog, *, stream: bool
) -> None:
    """The event is truncated, marked as such, names its captures, and keeps all members that are
    not text.
    """
    text = 'The quick brown fox says "jump".\n' * (20 * MB // 35)
    chat = Chat(
        stream=stream,
        more={"stream_options": None} if stream else {},
        prompt=text,
        directives="content_size=5000000",
    )
    response = chat.ask(stack)
    assert response.status == 200
    assert len(content_of(response.body)) > 1_000_000
    event = events.one(exchange_id=response.exchange_id)
    assert len(json.dumps(event)) < MB
    assert event["truncated"] is True
    assert event["outcome"] == "completed"
    assert event["usage"]["total_tokens"] > 0
    assert content_of(response.body).startswith(event["content"][:1000])


@on_embedded_alone
def test_a_large_prompt_does_not_hold_up_other_streams(stack: Stack) -> None:
    """20 streams, alone and beside a prompt of 20 MB: parsing it on their event loop would stop all
    of them for longer.

    Host, upstream, storage and this reader share the machine, which may be busy with something
    else, so the bound is generous and one try of three is enough: `python -m bench.large_prompt`
    gives the figures, and tests/integration/relay/test_large_prompt.py bounds the relay's own event
    loop.
    """
    tries = []
    for _ in range(3):
        alone = measure(stack, streams=20, megabytes=0, chunks=50).longest
        beside = measure(stack, streams=20, megabytes=20, chunks=100).longest
        if beside < 500 + 2 * alone:
            return
        tries.append((alone, beside))
    raise AssertionError(f"longest gaps in ms, alone and beside the prompt: {tries}")
