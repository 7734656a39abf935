"""The changelog and the package state the same version."""

from __future__ import annotations

import re
import tomllib
from datetime import date

from local.repository import ROOT


def test_the_newest_version_is_the_packages_and_has_a_day() -> None:
    """It stands below an empty or growing *Unreleased*."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    released = re.fullmatch(r"\[([\d.]+)\] - ([\d-]+)", headings[1])
    assert released is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert released[1] == project["version"]
    assert date.fromisoformat(released[2]) >= date(2026, 11, 27)


def test_each_version_names_the_schema_version_of_its_events() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.split(r"^## \[\d", text, flags=re.MULTILINE)[1:]
    assert all("**Schema version of the event: " in version for version in versions)
