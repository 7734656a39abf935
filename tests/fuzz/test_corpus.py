"""The inputs that the fuzzer starts from, and those that once failed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.targets import TARGETS

_CORPUS: Final = Path(__file__).parent / "corpus"
_INPUTS: Final = sorted(path.relative_to(_CORPUS).as_posix() for path in _CORPUS.glob("*/*"))


def test_every_target_has_inputs_to_start_from() -> None:
    assert {name.partition("/")[0] for name in _INPUTS} == set(TARGETS)


@pytest.mark.parametrize("name", _INPUTS)
def test_an_input_is_read_or_rejected(name: str) -> None:
    TARGETS[name.partition("/")[0]]((_CORPUS / name).read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_half_of_an_input_is_read_or_rejected(target: str) -> None:
    """Bodies end anywhere."""
    for path in sorted((_CORPUS / target).iterdir()):
        data = path.read_bytes()
        for end in range(0, min(len(data), 2000), 37):
            TARGETS[target](data[:end])
