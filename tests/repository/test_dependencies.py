"""Each production dependency has its reason and a licence that may be shipped."""

from __future__ import annotations

import importlib.metadata
import json
import re

import pytest

from local.repository import ROOT

_NAME = re.compile(r"^([\w.-]+)==", re.MULTILINE)
_ROW = re.compile(r"^\| `([@/\w.-]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)

DIRECT = _NAME.findall((ROOT / "requirements.in").read_text())
ALL = _NAME.findall((ROOT / "requirements.txt").read_text())
PAGE = ROOT / "view" / "page"
_DEPLOYED, _OF_THE_PAGE = (
    (ROOT / "docs" / "reference" / "dependencies.md")
    .read_text("utf-8")
    .split("| package of the page |")
)


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Package -> its reason and its licence."""
    return {name: (reason, licence.strip()) for name, reason, licence in _ROW.findall(text)}


ROWS = rows(_DEPLOYED)

# Of classifiers and of the old free text, by SPDX id.
SPDX = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Public Domain": "Unlicense",
    "3-Clause BSD License": "BSD-3-Clause",
}
ALLOWED = {
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Apache-2.0",
    "PSF-2.0",
    "MPL-2.0",
    "Unlicense",
    "ISC",
}


def licence_of(package: str) -> str:
    """The licence that the package declares, as an SPDX expression."""
    metadata = importlib.metadata.metadata(package)
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        name.rpartition(" :: ")[2]
        for name in metadata.get_all("Classifier") or []
        if name.startswith("License :: ")
    ]
    for text in (metadata.get("License") or "", *classifiers):
        if text in ALLOWED:
            return str(text)
        if text in SPDX:
            return SPDX[text]
    return f"unknown: {classifiers}"


def test_each_production_dependency_has_a_reason() -> None:
    """Each has a row with its reason, and nothing else has a row."""
    assert ROWS.keys() == set(DIRECT)
    assert all(reason.strip() for reason, _ in ROWS.values())


@pytest.mark.parametrize("package", DIRECT)
def test_the_page_names_the_licence_that_the_package_declares(package: str) -> None:
    assert licence_of(package) == ROWS[package][1]


def test_each_package_of_the_page_has_a_reason() -> None:
    """Its row has its licence as well, which is the one in the lock file."""
    wanted = json.loads((PAGE / "package.json").read_text("utf-8"))["dependencies"]
    locked = json.loads((PAGE / "package-lock.json").read_text("utf-8"))["packages"]
    licences = {name: locked[f"node_modules/{name}"]["license"] for name in wanted}
    named = rows(_OF_THE_PAGE)
    assert {name: licence for name, (_, licence) in named.items()} == licences
    assert all(reason.strip() for reason, _ in named.values())
    assert set(licences.values()) <= ALLOWED


@pytest.mark.parametrize("package", ALL)
def test_all_that_is_deployed_may_be_shipped(package: str) -> None:
    licence = licence_of(package)
    assert set(re.split(r" (?:AND|OR) ", licence)) <= ALLOWED, licence


def test_every_requirement_is_pinned_by_hash() -> None:
    text = (ROOT / "requirements.txt").read_text()
    without = [
        block for block in re.split(r"\n(?=\w)", text) if "==" in block and "--hash" not in block
    ]
    assert without == []
