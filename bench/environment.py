"""The machine and the versions that the figures are of."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_CPU_INFO: Final = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and the versions that the figures are of."""

    python: str
    cpus: int
    processor: str

    @classmethod
    def here(cls) -> Self:
        """The machine that was measured."""
        return cls(
            python=platform.python_version(), cpus=os.cpu_count() or 1, processor=_processor()
        )

    def sentence(self) -> str:
        """The machine in one line."""
        return f"{self.cpus} cores ({self.processor}), Python {self.python}; everything on this machine"


def _processor() -> str:
    """The processor's name; its architecture if the system does not report it."""
    try:
        lines = _CPU_INFO.read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
