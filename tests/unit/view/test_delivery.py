"""The completeness that the page shows."""

from __future__ import annotations

from shared.core.wire.json.json_shape import JsonObject
from view.server.delivery import completeness

STATUS: JsonObject = {
    "worker": {"recording": {"waiting": 2, "lost": 1}},
    "queue": {"length": 40, "oldest_at": None},
    "dead_letters": {"count": 3, "oldest": []},
}


def test_hours_are_summed_and_stand_oldest_first() -> None:
    reports: list[JsonObject] = [
        {"window": "2026/11/27/10", "captured": 5, "delivered": 4, "complete": False},
        {"window": "2026/11/27/09", "captured": 7, "delivered": 7, "complete": True},
    ]
    report = completeness(STATUS, reports)
    assert report["hours"] == [
        {
            "window": "2026/11/27/09",
            "captured": 7,
            "delivered": 7,
            "dead_lettered": None,
            "complete": True,
        },
        {
            "window": "2026/11/27/10",
            "captured": 5,
            "delivered": 4,
            "dead_lettered": None,
            "complete": False,
        },
    ]
    assert (report["captured"], report["delivered"]) == (12, 11)
    assert (report["waiting"], report["dead_letters"], report["lost"]) == (42, 3, 1)


def test_what_storage_does_not_give_is_unknown_and_not_zero() -> None:
    unreachable: JsonObject = {"error": "storage cannot be reached"}
    report = completeness({**STATUS, "queue": unreachable, "dead_letters": unreachable}, ())
    assert report == {
        "captured": None,
        "delivered": None,
        "waiting": None,
        "dead_letters": None,
        "lost": 1,
        "hours": [],
    }
