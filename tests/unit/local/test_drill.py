"""The report of a drill about its calls, and the parts that it may break."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from local.drill.alerts import ALERTS, alerts
from local.drill.rehearsal import DrillCalls, Outage, outages
from local.drill.summary import summary
from local.repository import ROOT
from local.running import RunInfo, find
from local.stack import StackError


def running(*parts: str) -> RunInfo:
    return RunInfo(
        proxy="http://127.0.0.1:1",
        page="http://127.0.0.1:2",
        event_hub_settings={},
        captures_settings={},
        local_parts=list(parts),
    )


def test_a_part_without_seconds_is_left_alone() -> None:
    assert outages(0, 5, running("azurite", "event_hubs")) == [
        Outage("event_hubs", "the Event Hub", 5)
    ]


def test_a_real_event_hub_is_not_broken() -> None:
    with pytest.raises(StackError, match="the Event Hub is a real one"):
        outages(5, 5, running("azurite"))


def test_the_summary_counts_what_users_got_and_what_arrived() -> None:
    calls = DrillCalls(
        statuses=Counter({"200": 20}), slowest_s=1.26, delivered=20, without_content=7
    )
    first, second, third, last = summary(calls, nothing_lost=True)
    assert first == "20 calls: 20 x 200; the slowest took 1.3 s"
    assert second == "20 events arrived, 0 did not"
    assert third.startswith("7 of them without prompt and answer")
    assert last == "every call is accounted for, and no user noticed"


def test_the_summary_names_what_is_missing() -> None:
    calls = DrillCalls(statuses=Counter({"200": 1, "503": 1}), awaited={"id-1"})
    text = "\n".join(summary(calls, nothing_lost=False))
    assert "1 x 200, 1 x 503" in text
    assert "missing so far (reconcile delivers them within 20 minutes): id-1" in text


def test_without_a_run_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="start `make run` in another terminal"):
        find(tmp_path)


@pytest.mark.parametrize("outage", outages(1, 1, running("azurite", "event_hubs")))
def test_the_alerts_of_an_outage_are_rules_of_the_templates(outage: Outage) -> None:
    """Each has its page in the runbook, too."""
    modules = ROOT / "infra" / "modules"
    templates = "".join(
        (modules / name).read_text("utf-8") for name in ("alerts.bicep", "platform-alerts.bicep")
    )
    rules = set(re.findall(r"^ +(?:name|section): '(?:\$\{prefix\}-)?([a-z-]+)'$", templates, re.M))
    runbook = ROOT / "docs" / "how-to" / "alerts"
    assert ALERTS[outage.part].keys() <= rules
    for rule in ALERTS[outage.part]:
        assert (runbook / f"{rule}.md").is_file()
        assert f"{rule} (" in alerts(outage.part)


def test_the_alerts_come_as_late_as_their_rules_look_back() -> None:
    """`nothing-delivered` looks back for half an hour, `not-recorded` is put every five minutes."""
    text = (ROOT / "infra" / "modules" / "alerts.bicep").read_text("utf-8")
    times = {
        match[1]: (match[2], match[3])
        for match in re.finditer(
            r"name: '([a-z-]+)'.*?every: 'PT(\d+)M'\n +window: 'PT(\d+)[MH]'", text, re.DOTALL
        )
    }
    every, _ = times["not-recorded"]
    _, window = times["nothing-delivered"]
    for alerts_of_part in ALERTS.values():
        assert alerts_of_part.get("not-recorded", "within 5 minutes") == f"within {every} minutes"
        assert alerts_of_part["nothing-delivered"] == f"after {window} minutes"
