"""The uploads that a killed instance did not finish, against Azurite: reconcile finds them, keeps
what can be read, and erases the rest.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from harness.sample_envelope import PLAIN
from shared.core.event.builder import build
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.window import Window
from tests.integration.support.azurite import (
    AzuriteAccount,
    sample_account,
    sample_id,
    sample_window,
)

pytestmark = pytest.mark.anyio


async def reconcile(account: AzuriteAccount, window: Window) -> list[int]:
    """The counts of a run: captured, redelivered and aborted exchanges."""
    run = account.reconciliation(account.back_pressure(stall_timeout_s=0.1))
    report = await run.reconcile(window.name, window.end)
    return [report.captured, report.redelivered, report.aborted]


async def killed_while_storing_the_request(
    account: AzuriteAccount, exchange_id: str, blocks: dict[int, bytes]
) -> None:
    await account.put_request(exchange_id, body=b"", partial=True)
    for number, data in blocks.items():
        await account.captures.stage(capture.request_name(exchange_id), number, data)


@pytest.mark.parametrize(
    ("blocks", "body"),
    [
        ({}, b""),
        ({1: b'{"messages"', 2: b': [{"role"'}, b'{"messages": [{"role"'),
        ({1: b'{"messages"', 3: b"later"}, b'{"messages"'),
        ({2: b"later"}, b""),
    ],
    ids=["nothing", "two blocks", "a gap", "no beginning"],
)
async def test_a_request_that_was_being_stored_is_aborted(
    azurite: str, blocks: dict[int, bytes], body: bytes
) -> None:
    """Its event has as much of the prompt as had arrived, and says that this is not all."""
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        await killed_while_storing_the_request(account, exchange_id, blocks)
        assert await reconcile(account, window) == [1, 0, 1]
        (envelope,) = await account.take_queued()
        request = await account.small_capture(envelope.request_capture)
        assert (
            await account.captures.staged_blocks(capture.request_name(exchange_id)) == frozenset()
        )
    assert envelope.outcome is Outcome.ABORTED
    assert (request.is_partial, request.body) == (True, body)
    event = build(envelope, request, None, None)
    assert "the request's capture is partial: the instance was killed meanwhile" in event.problems


async def test_a_request_without_its_last_call_is_whole(azurite: str) -> None:
    """Only the last call of its upload is missing: its header, which comes last, was uploaded."""
    window = sample_window()
    exchange_id = sample_id(window)
    async with sample_account(azurite) as account:
        whole = {1: b'{"messages"', 2: b": []}", 0: capture.preamble({"operation": "models"})}
        await killed_while_storing_the_request(account, exchange_id, whole)
        name = capture.request_name(exchange_id)
        await reconcile(account, window)
        request = await account.small_capture(name)
    assert (request.is_partial, request.body) == (False, b'{"messages": []}')


async def test_blocks_of_a_response_are_erased(azurite: str) -> None:
    """Without a header they cannot be read."""
    window = sample_window()
    exchange_id = sample_id(window)
    name = capture.response_name(exchange_id)
    async with sample_account(azurite) as account:
        await account.put_request(exchange_id)
        await account.captures.stage(name, 1, b"an answer")
        assert await reconcile(account, window) == [1, 0, 1]
        (envelope,) = await account.take_queued()
        assert await account.captures.staged_blocks(name) == frozenset()
        assert not await account.captures.exists(name)
    assert (envelope.outcome, envelope.response_capture) == (Outcome.ABORTED, None)


async def test_a_response_without_its_last_call_is_delivered(azurite: str) -> None:
    """Only the last call of its upload is missing. Its envelope and its body were uploaded."""
    window = sample_window()
    exchange_id = sample_id(window)
    name = capture.response_name(exchange_id)
    envelope = replace(PLAIN, exchange_id=exchange_id, response_capture=name)
    header = {"status_code": 200, "headers": {}, "envelope": asdict(envelope)}
    async with sample_account(azurite) as account:
        await account.put_request(exchange_id)
        for number, data in {1: b"an ", 2: b"answer", 0: capture.preamble(header)}.items():
            await account.captures.stage(name, number, data)
        assert (await reconcile(account, window))[0] == 1
        assert await account.take_queued() == [replace(envelope, requeued="reconcile")]
        response = await account.small_capture(name)
    assert response.body == b"an answer"


@pytest.mark.parametrize("kind", [CaptureKind.REQUEST, CaptureKind.RESPONSE])
@pytest.mark.parametrize("committed", [False, True], ids=["blocks alone", "beside a capture"])
async def test_an_erased_exchange_leaves_no_blocks(
    azurite: str, kind: CaptureKind, *, committed: bool
) -> None:
    """No listing shows the blocks, and they hold the prompt or the answer."""
    exchange_id = sample_id(sample_window())
    name = capture.capture_name(exchange_id, kind)
    async with sample_account(azurite) as account:
        if committed:
            await account.captures.put(name, (b"before",))
        await account.captures.stage(name, 1, json.dumps("private").encode())
        operator = account.dead_letter_operations()
        assert await operator.erase(exchange_id)
        assert await account.captures.staged_blocks(name) == frozenset()
        assert not await account.captures.exists(name)
        assert not await operator.erase(exchange_id)
