"""What a detector is: a pattern that finds candidates, and a check that rejects look-alikes."""

from __future__ import annotations

from typing import ClassVar


class Detector:
    """Finds one kind of data. A subclass has at least `kind` and `pattern`."""

    kind: ClassVar[str]  # under which it is counted, and in capitals in the text's place
    # In RE2's syntax. If it has groups, the one that took part in the match is the candidate.
    pattern: ClassVar[str]

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        """The bytes to replace of a candidate from `start` to `end` of `data`; None if it is a
        look-alike.
        """
        return (start, end) if self.is_valid(data[start:end].decode("utf-8", "replace")) else None

    def is_valid(self, _candidate: str) -> bool:
        """Whether the candidate is what it looks like."""
        return True


def digits_of(text: str) -> str:
    """The ASCII digits of a text."""
    return "".join(character for character in text if character in "0123456789")
