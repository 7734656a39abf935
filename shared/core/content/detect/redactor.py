"""Replaces the findings of detectors in texts, and counts them by kind.

All patterns are searched for at once first, by an automaton that reports which of them occur. Only
these are searched for one by one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import re2

from shared.core.content.detect import custom
from shared.core.content.detect.accounts import ACCOUNTS
from shared.core.content.detect.contacts import CONTACTS
from shared.core.content.detect.custom import CustomPatterns
from shared.core.content.detect.detector import Analyzer, Detector
from shared.core.content.detect.identities import IDENTITIES
from shared.core.content.detect.secrets import SECRETS
from shared.errors import ContentPolicyError

# If two detectors match the same place, the first of these names it.
DETECTORS: Final = (*SECRETS, *ACCOUNTS, *IDENTITIES, *CONTACTS)
_MIN_BYTES: Final = 5  # no built-in detector finds less
_MAX_MEMORY: Final = 64 * 1024 * 1024  # the most memory of an automaton

# One UUID of 1,500 has a part that reads as a number of one of these kinds.
_IN_UUIDS: Final = frozenset({"phone", "iban", "card", "national_id"})
_UUID: Final = re.compile(
    rb"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)
_UUID_BYTES: Final = 36

# Start, end, and the rank of its detector. A tuple, because there may be 100,000.
type _Finding = tuple[int, int, int]


class Redactor:
    """The built-in detectors and the operator's own. Raises ContentPolicyError, which names the
    invalid pattern.
    """

    def __init__(
        self, custom_patterns: CustomPatterns | None = None, analyzer: Analyzer | None = None
    ) -> None:
        added = custom.detectors(custom_patterns or CustomPatterns())
        self._detectors = (*(detector() for detector in DETECTORS), *added)
        self._patterns = [_compile(detector) for detector in self._detectors]
        self._all = re2.Set.SearchSet(_options())
        for detector in self._detectors:
            self._all.Add(detector.pattern)
        # Matches any text: without it, "none" could also mean that the automaton ran out of memory.
        self._all.Add("")
        self._all.Compile()
        self._kinds = [detector.kind for detector in self._detectors]  # by rank
        self._analyzer = analyzer
        self._min_bytes = 1 if added or analyzer else _MIN_BYTES

    def redact(self, text: str, counts: Counter[str]) -> str:
        """The text with each finding replaced by its kind, such as `[EMAIL]`. Adds the findings to
        `counts`.
        """
        data = text.encode("utf-8", "surrogatepass")
        if len(data) < self._min_bytes:
            return text
        findings = _merge(sorted([*self._findings(data), *self._analysis(text)]))
        if not findings:
            return text
        pieces: list[bytes] = []
        at = 0
        for start, end, rank in findings:
            pieces += (data[at:start], b"[%s]" % self._kinds[rank].upper().encode())
            at = end
        for rank, count in Counter(rank for _, _, rank in findings).items():
            counts[self._kinds[rank]] += count
        return b"".join([*pieces, data[at:]]).decode("utf-8", "surrogatepass")

    def _findings(self, data: bytes) -> Iterator[_Finding]:
        matching = self._all.Match(data) or range(len(self._detectors))
        for number in matching:
            if number == len(self._detectors):
                continue
            spans, pattern = self._detectors[number].spans, self._patterns[number]
            has_groups = pattern.groups > 0
            in_uuids = number < len(DETECTORS) and self._kinds[number] in _IN_UUIDS
            for match in pattern.finditer(data):
                start, end = _group_that_matched(match) if has_groups else match.span()
                span = spans(data, start, end) if start < end else None
                if span is not None and not (in_uuids and _is_in_uuid(data, *span)):
                    yield (*span, number)

    def _analysis(self, text: str) -> Iterator[_Finding]:
        """The analyzer's findings. A detector's finding in the same place takes precedence."""
        for start, end, kind in self._analyzer.find(text) if self._analyzer else ():
            if kind not in self._kinds[len(self._detectors) :]:
                self._kinds.append(kind)
            rank = self._kinds.index(kind, len(self._detectors))
            yield _bytes_before(text, start), _bytes_before(text, end), rank


def _is_in_uuid(data: bytes, start: int, end: int) -> bool:
    """Whether the place is a part of a UUID."""
    if b"-" not in {data[start - 1 : start], data[end : end + 1]}:
        return False
    first = max(end - _UUID_BYTES - 1, 0)
    around = data[first : start + _UUID_BYTES + 1]
    return any(
        first + match.start() <= start and end <= first + match.end()
        for match in _UUID.finditer(around)
    )


def _bytes_before(text: str, at: int) -> int:
    return at if text.isascii() else len(text[:at].encode("utf-8", "surrogatepass"))


def _merge(findings: list[_Finding]) -> list[_Finding]:
    """The findings in their order. Overlapping findings become one that covers them."""
    merged: list[_Finding] = []
    last_end = 0
    for finding in findings:
        start, end, rank = finding
        if start >= last_end:
            merged.append(finding)
        else:
            last_start, _, last_rank = merged[-1]
            merged[-1] = last_start, max(last_end, end), min(last_rank, rank)
        last_end = max(last_end, end)
    return merged


def _group_that_matched(match: Any) -> tuple[int, int]:
    """The span of the group that matched; that of the whole match if none did."""
    groups = (match.span(number) for number in range(1, len(match.groups()) + 1))
    start, end = next((span for span in groups if span[0] >= 0), match.span())
    return start, end


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    return options


def _compile(detector: Detector) -> Any:
    try:
        pattern = re2.compile(detector.pattern, _options())
    except re2.error as error:
        raise ContentPolicyError(f"the pattern `{detector.kind}` is rejected: {error}") from None
    if pattern.search(b"") is not None:
        raise ContentPolicyError(f"the pattern `{detector.kind}` matches an empty text")
    return pattern
