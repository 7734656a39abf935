"""docs/reference/settings.md states for every setting what the app accepts."""

from __future__ import annotations

import json
import re

import pytest

from local.repository import ROOT
from shared.errors import SettingsError
from shared.settings.loader import load

PAGE = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
SAMPLE = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))["Values"]
# name -> (default, allowed), without the marks of code
ROWS = {
    name: (default.strip("` "), allowed.strip("` "))
    for name, default, allowed in re.findall(
        r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|", PAGE, re.MULTILINE
    )
}
RANGES = {
    name: (float(bounds[1]), float(bounds[2]))
    for name, (_, allowed) in ROWS.items()
    if (bounds := re.fullmatch(r"([\d.]+) to ([\d.]+)", allowed))
}
# the sample points these at the parts of this machine
LOCAL = {
    "AZURE_OPENAI_BASE_URL",
    "AZURE_OPENAI_KEY",
    "AZURE_OPENAI_API_VERSION",
    "AZURE_OPENAI_REGION",
    "AZURE_EVENTHUB_CONN_STR",
    "AZURE_EVENTHUB_NAME",
    "AzureWebJobsStorage",
    "CAPTURES_STORAGE",
    "PYTHON_ENABLE_INIT_INDEXING",
}


def problem(name: str, value: str) -> str:
    """The app's message about this value; "" if it accepts it."""
    try:
        load(SAMPLE | {name: value})
    except SettingsError as error:
        return str(error)
    return ""


def test_the_page_names_every_setting_of_the_sample_and_no_other() -> None:
    """The sample holds every setting; another test keeps it so."""
    assert ROWS.keys() == SAMPLE.keys()


def test_the_defaults_of_the_page_are_those_of_the_sample() -> None:
    documented = {
        name: default.replace("none", "")
        for name, (default, _) in ROWS.items()
        if name in SAMPLE.keys() - LOCAL and SAMPLE[name]
    }
    assert documented == {name: SAMPLE[name] for name in documented}


def test_every_number_has_its_bounds() -> None:
    bounded = {name for name in SAMPLE if re.search(r" from [\d.]+ to ", problem(name, "x"))}
    assert bounded == RANGES.keys()


@pytest.mark.parametrize("name", RANGES)
def test_the_bounds_of_the_page_are_those_of_the_app(name: str) -> None:
    """Both bounds are accepted; the message for anything else names them."""
    least, most = RANGES[name]
    assert (problem(name, f"{least:g}"), problem(name, f"{most:g}")) == ("", "")
    assert f"from {least:g} to {most:g}" in problem(name, "-1")


@pytest.mark.parametrize(
    "name", [name for name, (_, allowed) in ROWS.items() if re.fullmatch(r"\w+`, `\w+", allowed)]
)
def test_the_words_of_the_page_are_those_of_the_app(name: str) -> None:
    words = ROWS[name][1].split("`, `")
    assert all(word in problem(name, "nonsense") for word in words)
