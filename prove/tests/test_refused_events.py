"""An event that the Event Hub refuses for good does not go round for ever, and takes no other
along.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from harness.chat import Chat
from prove.world import World

_CAN_NEVER: Final = "can never be delivered and is parked (refused)"
_SETTINGS: Final = {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2"}
_UNWANTED: Final = "what-no-hub-takes"


def test_an_event_that_the_event_hub_refuses_ends_parked() -> None:
    """From the queue through poison and reconcile, three times; after a fix an operator has it
    delivered.
    """
    with World("embedded", **_SETTINGS) as world:
        world.event_hub_refuses(_UNWANTED, "amqp:not-allowed")
        refused = Chat(deployment=_UNWANTED).ask(world.stack).exchange_id
        others = {Chat().ask(world.stack).exchange_id for _ in range(5)}
        report = world.reconciled()
        assert (
            report["captured"],
            report["delivered"],
            report["dead_lettered"],
            report["duplicates"],
        ) == (6, 5, 1, 0)
        _, listed = world.call("GET", "/ops/parked")
        assert [(each["exchange_id"], each["reason"]) for each in listed["parked"]] == [
            (refused, "refused")
        ]
        assert Counter(event["exchange_id"] for event in world.events.arrived()) == dict.fromkeys(
            others, 1
        )
        lines = world.stack.parts["functions_host"].output().splitlines()
        assert sum(_CAN_NEVER in line for line in lines) == 1

        world.event_hub_mode("accept")
        assert world.call("POST", f"/ops/parked/{refused}")[0] == 202
        assert world.events.one(exchange_id=refused)["deployment"] == _UNWANTED
        assert world.reconciled()["delivered"] == 6
