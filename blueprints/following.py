"""The function that follows background responses."""

from __future__ import annotations

import azure.functions as func

from shared.following.follower import Follower


def blueprint(follower: Follower, schedule: str) -> func.Blueprint:
    """Function `following`. The host runs a timer on one instance at a time."""
    functions = func.Blueprint()

    @functions.function_name("following")
    @functions.timer_trigger(arg_name="timer", schedule=schedule, use_monitor=False)
    async def follow(timer: func.TimerRequest) -> None:
        await follower.run()

    return functions
