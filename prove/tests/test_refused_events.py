"""An event that the Event Hub rejects for good is not retried without end and takes no other event
along.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from harness.chat import Chat
from prove.testbed import TestBed

pytestmark = pytest.mark.thorough

_CAN_NEVER: Final = "can never be delivered and is dead-lettered (refused)"
_SETTINGS: Final = {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2"}
_UNWANTED: Final = "what-no-hub-takes"


def test_an_event_that_the_event_hub_refuses_ends_dead_lettered() -> None:
    """It goes from the queue through poison and reconcile three times; after a fix an operator has
    it delivered.
    """
    with TestBed("embedded", **_SETTINGS) as bed:
        bed.event_hub_refuses(_UNWANTED, "amqp:not-allowed")
        refused = Chat(deployment=_UNWANTED).ask(bed.stack).exchange_id
        others = {Chat().ask(bed.stack).exchange_id for _ in range(5)}
        report = bed.operator.reconcile()
        assert (
            report["captured"],
            report["delivered"],
            report["dead_lettered"],
            report["duplicates"],
        ) == (6, 5, 1, 0)
        _, listed = bed.operator.call("GET", "/ops/dead-letters")
        assert [
            (listing["exchange_id"], listing["reason"]) for listing in listed["dead_letters"]
        ] == [(refused, "refused")]
        assert Counter(event["exchange_id"] for event in bed.events.all_events()) == dict.fromkeys(
            others, 1
        )
        lines = bed.stack.parts["functions_host"].output().splitlines()
        assert sum(_CAN_NEVER in line for line in lines) == 1

        bed.event_hub_mode("accept")
        assert bed.operator.call("POST", f"/ops/dead-letters/{refused}")[0] == 202
        assert bed.events.one(exchange_id=refused)["deployment"] == _UNWANTED
        assert bed.operator.reconcile()["delivered"] == 6
