"""Which lines of the parts the terminal shows."""

from __future__ import annotations

import pytest

from local.selection import Selection, readable

AT = "[2026-11-23T14:20:22.626Z] "
WHY = "the Event Hub did not answer or refused: ConnectError"
ONE_LINE = [f"14:20:22 enrichment failed, the queue delivers its message again: {WHY}"]

EMBEDDED = [
    f"{AT}ERROR: Executed 'Functions.enrichment' (Failed, Id=1, Duration=706ms)",
    "Traceback (most recent call last):",
    '  File "event_hub.py", line 111, in _translated',
    "azure.eventhub.exceptions.ConnectError: Failed",
    "",
    "The above exception was the direct cause of the following exception:",
    "",
    "Traceback (most recent call last):",
    f"shared.errors.DeliveryError: {WHY}",
]
FUNC = [
    f"{AT}Executed 'Functions.enrichment' (Failed, Id=1, Duration=827ms)",
    f"{AT}System.Private.CoreLib: Exception while executing function: Functions.enrichment. Result: Failure",
    f"{AT}Exception: DeliveryError: {WHY}",
    f"{AT}Stack: Traceback (most recent call last):",
    f'{AT}  File "event_hub.py", line 111, in _translated',
    f"{AT}shared.errors.DeliveryError: {WHY}",
    f"{AT}.",
]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "ready: Azure OpenAI stand-in on http://127.0.0.1:8081",
            "ready: Azure OpenAI stand-in on http://127.0.0.1:8081",
        ),
        ("[2026-11-23T14:20:22.626Z] Job host started", "14:20:22 Job host started"),
        (
            f"{AT}Executed 'Functions.reconcile' (Failed, Id=1)",
            "14:20:22 Executed 'Functions.reconcile' (Failed, Id=1)",
        ),
        (
            f"{AT}Executed 'Functions.replay_start' (Succeeded)",
            "14:20:22 Executed 'Functions.replay_start' (Succeeded)",
        ),
        (
            f"{AT}Completeness of 2026/11/23/14: {{'window': '2026/11/23/14', 'captured': 7, 'delivered': 6}}",
            "14:20:22 Completeness of 2026/11/23/14: {'window': '2026/11/23/14', 'captured': 7, 'delivered': 6}",
        ),
        ("    raise ValueError", "    raise ValueError"),
        (
            "[2026-11-23T14:20:22.626Z]    at Microsoft.Azure.WebJobs",
            "14:20:22    at Microsoft.Azure.WebJobs",
        ),
        (
            "	openai: [GET,POST] http://localhost:7071/openai/{*path}",
            "	openai: [GET,POST] http://localhost:7071/openai/{*path}",
        ),
        (
            "[2026-11-23T14:20:22.626Z] Executed 'Functions.openai' (Failed, Id=1)",
            "14:20:22 Executed 'Functions.openai' (Failed, Id=1)",
        ),
    ],
)
def test_lines_that_tell_something_are_shown_with_the_time_alone(line: str, shown: str) -> None:
    assert readable(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[2026-11-23T14:20:22.626Z] ",
        "[2026-11-23T14:20:22.626Z] {",
        '[2026-11-23T14:20:22.626Z]   "version": "2.0",',
        "[2026-11-23T14:20:22.626Z]   ]",
        "[2026-11-23T14:20:22.626Z] LoggerFilterOptions",
        "[2026-11-23T14:20:22.626Z] Executing HTTP request: {",
        "[2026-11-23T14:20:22.626Z] Executing 'Functions.openai' (Reason='...', Id=1)",
        "[2026-11-23T14:20:22.626Z] Executed 'Functions.health' (Succeeded, Id=1)",
        "[2026-11-23T14:20:22.626Z] Error response [1] 404 The specified container does not exist. (00.0s)",
        "[2026-11-23T14:20:22.626Z] x-ms-error-code:ContainerNotFound",
        f"{AT}Executed 'Functions.reconcile' (Succeeded, Id=1, Duration=2ms)",
        f"{AT}Executed 'Functions.reconcile_window' (Succeeded, Id=1, Duration=2ms)",
        f"{AT}Completeness of 2026/11/23/13: {{'window': '2026/11/23/13', 'captured': 0, 'delivered': 0, 'parked': 0}}",
    ],
)
def test_dumps_and_chatter_are_left_to_the_log_files(line: str) -> None:
    assert readable(line) is None


@pytest.mark.parametrize("lines", [EMBEDDED, FUNC])
def test_a_delivery_that_failed_is_one_line_each_time(lines: list[str]) -> None:
    """The queue repeats it; fifty lines of traceback each time would hide what else is said."""
    selection = Selection()
    after = f"{AT}Job host started"
    shown = [text for line in [*lines, *lines, after] for text in selection.shown(line)]
    assert shown == [*ONE_LINE, *ONE_LINE, "14:20:22 Job host started"]


def test_any_other_failure_is_shown_whole_before_what_follows() -> None:
    selection = Selection()
    lines = [
        EMBEDDED[0],
        "Traceback (most recent call last):",
        "KeyError: 'id'",
        f"{AT}Executed 'Functions.openai' (Succeeded)",
    ]
    shown = [text for line in lines for text in selection.shown(line)]
    assert shown == [readable(line) for line in lines]


def test_any_other_failure_is_shown_whole_where_nothing_follows() -> None:
    now = 0.0
    selection = Selection(clock=lambda: now)
    lines = [EMBEDDED[0], "Traceback (most recent call last):", "KeyError: 'id'"]
    assert [text for line in lines for text in selection.shown(line)] == []
    assert selection.overdue() == []
    now = 1.0
    assert selection.overdue() == [readable(line) for line in lines]
    assert selection.overdue() == []
