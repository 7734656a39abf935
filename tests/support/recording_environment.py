"""An environment that records the names read from it, which shows the settings that the
app reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class RecordingEnvironment(Mapping[str, str]):
    """`names_read` grows with each name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.names_read: set[str] = set()
        self._values = values

    def __getitem__(self, name: str) -> str:
        self.names_read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
