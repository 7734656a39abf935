"""docs/reference/telemetry.md names every metric, span and attribute that is exported."""

from __future__ import annotations

import re

import pytest

from local.repository import ROOT
from shared.core.telemetry import conventions, metrics, spans
from shared.core.wire.operations import OPERATIONS
from tests.golden import load, names
from tests.golden.telemetry_text import OPTIONS, exchange_of, first_delivery

PAGE = (ROOT / "docs" / "reference" / "telemetry.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| ((?:counter|histogram|gauge), [^ |]+) \|", PAGE, re.M))
OLD = {
    conventions.OLD_TOKEN_USAGE,
    conventions.OLD_TIME_TO_FIRST_CHUNK,
    conventions.OLD_TIME_PER_OUTPUT_CHUNK,
}


def test_every_metric_has_a_row_with_its_kind_and_unit() -> None:
    exported = {one.name: f"{one.kind}, {one.unit}" for one in conventions.INSTRUMENTS}
    assert {one.name for one in OLD} <= set(re.findall(r"`([\w.]+)`", PAGE))
    assert exported == ROWS | {one.name: f"{one.kind}, {one.unit}" for one in OLD}


def test_the_page_names_each_gen_ai_operation() -> None:
    """Operations that are not generative AI are in no row."""
    for spec in OPERATIONS:
        rows = [line for line in PAGE.splitlines() if re.match(rf"\| .*`{spec.name}`", line)]
        if spec.gen_ai is None:
            assert rows == []
        else:
            (row,) = rows
            assert f"`{spec.gen_ai.operation_name}`" in row
    assert conventions.SCHEMA_URL in PAGE


@pytest.mark.parametrize("name", names())
def test_the_page_names_the_attributes_of_metrics(name: str) -> None:
    exchange = exchange_of(load(name))
    delivery = first_delivery(exchange)
    root = spans.trace_of(exchange, delivery, OPTIONS).root
    for child in root.children:
        assert f"| `{child.name}` |" in PAGE
    for point in metrics.points_of(exchange, delivery, OPTIONS):
        for attribute in point.attributes:
            assert f"`{attribute}`" in PAGE or attribute.startswith("fnsse.caller.")
