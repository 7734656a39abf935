"""The three runs that an operator starts: reconcile, replay and erase."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

from local.operate.operated_app import RunStarter
from shared.core.wire.json.json_shape import JsonObject, integer, mapping, text


def reconcile(starter: RunStarter) -> bool:
    """Deliver what is missing. False if a backlog or an Event Hub that is away kept the run from
    judging all hours.
    """
    return _is_whole(starter.run("reconcile", None, "reconcile"))


def replay(starter: RunStarter, body: JsonObject) -> bool:
    """Deliver a time range once more. False if a part of it is not queued."""
    return _is_whole(starter.run("replay", body, "replay"))


def _is_whole(status: JsonObject) -> bool:
    is_completed = text(status.get("runtimeStatus")) == "Completed"
    return is_completed and not text(mapping(status.get("output")).get("waiting"))


def erase(
    starter: RunStarter, body: JsonObject, out: TextIO, confirm: Callable[[str], bool]
) -> bool:
    """Count in a dry run, confirm, erase, and print the receipt. False if anything remains."""
    count = starter.run("erase", {**body, "dry_run": True}, "dry run")
    matched = integer(mapping(count.get("output")).get("matched"))
    if text(count.get("runtimeStatus")) != "Completed" or matched is None:
        return False
    if not matched:
        print("no exchange matches: nothing is erased", file=out)
        return True
    if not confirm(f"Erase {matched:,} exchanges for good?"):
        print("nothing is erased", file=out)
        return False
    receipt = mapping(starter.run("erase", {**body, "dry_run": False}, "erase").get("output"))
    print(json.dumps(receipt, indent=2), file=out)
    return receipt.get("complete") is True
