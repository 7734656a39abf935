"""Names in the environment that look like a setting of fnsse but are not one.

A misspelt name is ignored, and its setting keeps its default. For `CAPTURE_POLCY`, that decides
whether anything may be lost.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Final

# Two names closer than this are a misspelling. No two settings are that close, nor is a setting of
# another program, such as AZURE_OPENAI_API_KEY of the OpenAI SDK.
_CLOSE: Final = 0.9

# OpenTelemetry's SDK reads them itself, or another part of it than fnsse uses.
_OF_OPENTELEMETRY: Final = frozenset({"OTEL_TRACES_SAMPLER_ARG"})

_log = logging.getLogger("fnsse.settings")


def find(names: Iterable[str], settings: Collection[str]) -> dict[str, str]:
    """Name -> the setting that was probably meant."""
    real_names = _OF_OPENTELEMETRY.union(settings)
    candidates = [name for name in names if name not in real_names and "__" not in name]
    matches = {
        name: difflib.get_close_matches(name.upper(), settings, n=1, cutoff=_CLOSE)
        for name in candidates
    }
    return {name: match[0] for name, match in matches.items() if match}


def notices(misspelt: Mapping[str, str]) -> dict[str, str]:
    """The notices of `/health/ready` about them; empty if there are none. Each is logged."""
    sentences = [
        f"{name} is not a setting of fnsse and has no effect: did you mean {meant}?"
        for name, meant in sorted(misspelt.items())
    ]
    for sentence in sentences:
        _log.warning("%s", sentence)
    return {"settings": " ".join(sentences)} if sentences else {}
