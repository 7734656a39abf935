"""Captures in Azure's shapes with random damage always give a valid event that can be sent.

Arbitrary bytes seldom look enough like a response to get far; these do.
"""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest

from harness.schema import valid
from shared.core.event import builder, truncation, usage_claim
from shared.core.records.exchange.capture import Capture
from tests import golden

pytestmark = pytest.mark.no_cover

ROUNDS, IN_A_ROUND = 8, 150
ODD_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        1e308,
        10**30,
        2**63,
        "",
        "x",
        "1e5",
        "\ud800",
        "\x00",
        "\u2028",
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        [None],
        [1, "a", {}],
        {"a": None},
        {"": []},
        {"content": {"content": []}},
    ),
    *("data:image/png;base64,AAAA", "data:;base64,"),
]
ODD_BYTES = [b"\r", b"\n", b"\xef\xbb\xbf", b"\xff", b"data: ", b"NaN", b"{", b"]", b"\x00"]
ODD_HEADERS = [
    "",
    "a" * 1024,
    "-1",
    "1e9",
    "\u0663",
    "\xff",
    "NaN",
    "9" * 30,
    "true",
    "0x10",
    " 5 ",
]
KEYS = [
    "error",
    "usage",
    "type",
    "index",
    "delta",
    "content",
    "message",
    "code",
    "id",
    "output",
    "response",
    "object",
    "choices",
    "data",
    "b64_json",
    "background",
]


class Mutator:
    """Puts mistakes into one capture after another; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - mistakes, not secrets
        self._share = 0.0

    def capture(self, whole: Capture | None) -> Capture | None:
        if whole is None:
            return None
        headers: dict[str, object] = {**whole.headers}
        for name in headers if self.random.random() < 0.5 else ():
            if self.random.random() < 0.2:
                headers[name] = self.random.choice(ODD_HEADERS)
        return Capture(header={**whole.header, "headers": headers}, body=self._body(whole.body))

    def _body(self, body: bytes) -> bytes:
        if self.random.random() < 0.25:
            return self._cut_up(body)
        self._share = self.random.choice([0.01, 0.05, 0.2])
        try:
            return json.dumps(self._value(json.loads(body))).encode()
        except ValueError:
            return b"\n".join(map(self._line, body.split(b"\n")))

    def _line(self, line: bytes) -> bytes:
        try:
            return (
                b"data: "
                + json.dumps(self._value(json.loads(line.removeprefix(b"data: ")))).encode()
            )
        except ValueError:
            return line

    def _cut_up(self, body: bytes) -> bytes:
        data = bytearray(body)
        for _ in range(self.random.randint(1, 8)):
            at = self.random.randrange(len(data) + 1)
            data[at : at + self.random.choice([0, 1, 30])] = self.random.choice(ODD_BYTES)
        return bytes(data)

    def _value(self, value: Any) -> Any:
        if self._hits():
            return self.random.choice(ODD_VALUES)
        if isinstance(value, dict):
            members = {key: self._value(inner) for key, inner in value.items() if not self._hits()}
            return members | (
                {self.random.choice(KEYS): self.random.choice(ODD_VALUES)} if self._hits() else {}
            )
        if isinstance(value, list):
            return [self._value(inner) for inner in value if not self._hits()]
        return value

    def _hits(self) -> bool:
        return self.random.random() < self._share


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_there_is_always_a_valid_event(seed: int) -> None:
    """Any operation's reader takes any operation's answer, at any size limit."""
    mutator, cases = Mutator(seed), [golden.load(name) for name in golden.names()]
    for _ in range(IN_A_ROUND):
        case, other = mutator.random.choice(cases), mutator.random.choice(cases)
        request, response = mutator.capture(case.request), mutator.capture(case.response)
        sent_bytes = mutator.random.randrange(len(response.body) + 1) if response else 0
        operation = mutator.random.choice([case, case, other]).envelope.operation
        envelope = dataclasses.replace(case.envelope, operation=operation, sent_bytes=sent_bytes)
        event = builder.build(envelope, request, response, None)
        usage_claim.response_to_claim(event)
        limit_bytes = mutator.random.choice([1_000_000, 20_000, 8_000])
        body = truncation.truncate(event, limit_bytes)
        assert len(body) <= limit_bytes
        valid(json.loads(body.decode()))
