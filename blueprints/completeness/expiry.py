"""Expiry: a timer that erases the captures whose retention by a content rule is over."""

from __future__ import annotations

from typing import Final

import azure.functions as func

from shared.completeness.expiry import Expiry

# Every hour: retention is in days, and captures are due an hour at a time. Not on the hour, when
# reconcile judges the last one.
_SCHEDULE: Final = "0 25 * * * *"


def blueprint(expiry: Expiry) -> func.Blueprint:
    """Function `expiry_timer`."""
    functions = func.Blueprint()

    @functions.function_name("expiry_timer")
    @functions.timer_trigger(arg_name="timer", schedule=_SCHEDULE)
    async def on_schedule(timer: func.TimerRequest) -> None:
        await expiry.erase_due()

    return functions
