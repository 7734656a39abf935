"""local.settings.json and the environment, as `make run` would read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from local.doctor.check import DoctorCheck, ok, problem, warning
from local.repository import ROOT
from local.stack import Ports, StackError, read_settings_file
from local.stack.environment import compose
from local.stack.stack import local_addresses
from shared.errors import SettingsError
from shared.settings.loader import load


def checks(file: Path = ROOT / "local.settings.json") -> Iterator[DoctorCheck]:
    """Every setting that is missing, malformed or misspelt."""
    try:
        own = {**read_settings_file(file), **os.environ}
        sample = read_settings_file(ROOT / "local.settings.sample.json")
        composed = compose(sample=sample, own=own, local=local_addresses(Ports()))
        settings = load(composed.values)
    except StackError as error:
        yield problem(
            str(error), f"correct {file.name}, or remove it: the sample's values hold then"
        )
        return
    except SettingsError as error:
        for line in str(error).splitlines()[1:]:
            yield problem(line.strip(), "docs/reference/settings.md")
        return
    real = sorted({"azurite", "event_hubs", "azure_openai"} - composed.local_parts)
    yield ok(
        f"the settings are valid; real services instead of local parts: {', '.join(real) or 'none'}"
    )
    for name, meant in settings.misspelt.items():
        yield warning(f"{name} has no effect: it is not a setting", f"did you mean {meant}?")
