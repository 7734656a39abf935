"""Which requests can be answered before the upstream has answered, and with what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.core.exchange.early_response import EarlyResponse, early_response
from shared.core.wire.operations import CALL, OPERATIONS, OperationSpec

DOCS = Path(__file__).resolve().parents[4] / "docs" / "reference" / "api-operations.md"
ROWS = [*OPERATIONS, CALL]
# A model works on these, and their response is JSON unless a stream was asked for.
DOCUMENTS = re.findall(
    r"^\* `([\w.]+)`",
    DOCS.read_text("utf-8").partition("## JSON that can be kept alive")[2],
    re.MULTILINE,
)

of_each_row = pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)


@of_each_row
def test_a_request_for_a_stream_is_promised_one(spec: OperationSpec) -> None:
    """The operation does not matter."""
    assert early_response(spec, stream_requested=True) is EarlyResponse.STREAM


@of_each_row
def test_json_is_promised_where_nothing_else_can_come(spec: OperationSpec) -> None:
    """docs/reference/api-operations.md lists the operations. None responds with sound, files or
    texts.
    """
    promise = early_response(spec, stream_requested=False)
    assert promise is (EarlyResponse.DOCUMENT if spec.name in DOCUMENTS else None)


@of_each_row
def test_an_unread_request_is_promised_nothing(spec: OperationSpec) -> None:
    """A form is passed on unread, and a body in an unknown coding cannot be read."""
    assert early_response(spec, stream_requested=None) is None
