"""Parts that die are started again; parts that a drill takes away come back at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from local.run.outages import Outages, request
from local.stack import Stack
from local.stack.errors import PartDied


@dataclass
class PartInTest:
    """A part that runs, dies or is stopped at a test's word."""

    name: str
    dead: bool = False
    calls: list[str] = field(default_factory=list)

    def check(self) -> None:
        if self.dead:
            raise PartDied(f"{self.name} died: exit code 1")

    def start(self) -> None:
        self.calls.append("start")
        self.dead = False

    def stop(self) -> None:
        self.calls.append("stop")


@dataclass
class StackInTest:
    parts: dict[str, PartInTest]


@pytest.fixture
def azurite() -> PartInTest:
    return PartInTest("azurite")


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def outages(azurite: PartInTest, messages: list[str], tmp_path: Path) -> Outages:
    stack = cast("Stack", StackInTest({"azurite": azurite}))
    return Outages(stack, tmp_path, messages.append)


def test_a_part_that_died_is_restarted_and_reported(
    outages: Outages, azurite: PartInTest, messages: list[str]
) -> None:
    azurite.dead = True
    outages.check()
    outages.check()
    assert azurite.calls == ["start"]
    assert messages[0] == "\nazurite died: exit code 1\nazurite is started again"
    assert messages[1].startswith("azurite serves again after ")


def test_the_third_death_in_a_minute_ends_the_run(outages: Outages, azurite: PartInTest) -> None:
    """A part that dies for the third time in a minute ends the run."""
    for _ in range(2):
        azurite.dead = True
        outages.check()
    azurite.dead = True
    with pytest.raises(PartDied):
        outages.check()


def test_a_drill_takes_a_part_away_until_its_time_is_over(
    outages: Outages, azurite: PartInTest, messages: list[str], tmp_path: Path
) -> None:
    request(tmp_path, {"azurite": time.time() + 3600})
    outages.check()
    azurite.dead = True  # as a stopped part is
    outages.check()
    assert azurite.calls == ["stop"]
    request(tmp_path, {"azurite": time.time() - 1})
    outages.check()
    assert azurite.calls == ["stop", "start"]
    assert messages == [
        "drill          | azurite is taken away",
        "drill          | azurite is back",
    ]


def test_a_drill_that_was_stopped_gives_everything_back(
    outages: Outages, azurite: PartInTest, tmp_path: Path
) -> None:
    request(tmp_path, {"azurite": time.time() + 3600})
    outages.check()
    request(tmp_path, {})
    outages.check()
    assert azurite.calls == ["stop", "start"]


def test_a_part_that_this_run_does_not_have_is_ignored(
    outages: Outages, azurite: PartInTest, tmp_path: Path
) -> None:
    request(tmp_path, {"event_hubs": time.time() + 3600})
    outages.check()
    assert azurite.calls == []
