"""The result of a drill, in words."""

from __future__ import annotations

from collections.abc import Iterator

from local.drill.rehearsal import DrillCalls


def summary(calls: DrillCalls, *, nothing_lost: bool) -> Iterator[str]:
    """The drill's result, a line each."""
    answers = ", ".join(f"{count} x {status}" for status, count in calls.statuses.most_common())
    total = calls.statuses.total()
    yield f"{total} calls: {answers}; the slowest took {calls.slowest_s:.1f} s"
    yield f"{calls.delivered} events arrived, {len(calls.awaited)} did not"
    if calls.without_content:
        yield (
            f"{calls.without_content} of them without prompt and answer: storage could not keep "
            "their captures (CAPTURE_POLICY=required would have rejected those calls)"
        )
    if nothing_lost:
        yield "every call is accounted for, and no user noticed"
        return
    yield "not as it should be: see the warnings of `make run`"
    if calls.awaited:
        yield "missing so far (reconcile delivers them within 20 minutes): " + ", ".join(
            sorted(calls.awaited)
        )
