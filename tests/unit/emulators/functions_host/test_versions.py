"""The embedded host warns if it runs on library versions that it was not tested with."""

from __future__ import annotations

import re

from emulators.functions_host.tested_versions import TESTED, warning
from local.repository import ROOT


def test_the_tested_versions_are_those_that_make_installs() -> None:
    """An upgrade of one of them requires running the host's tests and changing the table."""
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)==([\w.]+)", (ROOT / "requirements-dev.txt").read_text(), re.M)
    )
    pinned |= dict(
        re.findall(r"^([a-z0-9-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    )
    assert {package: pinned[package] for package in TESTED} == dict(TESTED)


def test_no_warning_with_the_tested_versions() -> None:
    assert warning(TESTED.__getitem__) is None


def test_each_library_of_another_version_is_named() -> None:
    installed = {**TESTED, "uvicorn": "99.0"}
    text = warning(installed.__getitem__)
    assert text is not None
    assert f"uvicorn 99.0 (tested with {TESTED['uvicorn']})" in text
    assert "azure-functions-runtime" not in text
