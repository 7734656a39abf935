"""Other streams have their turn while a piece of tiny events, as large as one read of a socket, is
filtered.

Counted in turns of the loop and in lines of Python within one. Filtered in one step, such a piece
blocked the loop for 54 to 79 ms.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.support.exchanges import UNTOUCHED, RelayClient, relay_setup, sse
from tests.integration.support.loop_turns import loop_turns

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]
PIECE_BYTES = 256 * 1024
MOST_LINES = 250_000  # counted: 1,353 to 166,314; in one step up to 1.4 million
ASK = b'{"stream": true, "messages": []}'
END = b'data: {"choices": [{"index": 0, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
USAGE_CHUNK = b'data: {"choices":[],"usage":{}}\n\n'


@pytest.mark.parametrize(
    "event",
    [
        b'"usage":{\n\n',
        b':"usage":{\r\r',
        b'data: {"usage":{}}\r\n\r\n',
        USAGE_CHUNK,
        b'data:"code"\r\r',
        b"\r",
        b"\r\n",
        b":\n\n",
        b'data:{"choices":[{"finish_reason":1}]}\n\n',
    ],
    ids=str,
)
async def test_tiny_events_do_not_block_the_loop(event: bytes) -> None:
    """A piece may have any number of them."""
    piece = event * (PIECE_BYTES // len(event))
    setup = relay_setup(sse(piece, END), interventions=replace(UNTOUCHED, ask_for_usage=True))
    client = RelayClient(setup.relay, ASK)
    async with loop_turns() as turns:
        await client.run()
        await setup.wait_until_recorded()
    assert client.body == (END if event == USAGE_CHUNK else piece + END)
    assert turns.most_lines < MOST_LINES
