"""The requests of operators who start a run, and the responses to them."""

from __future__ import annotations

import json

import pytest
from azurefunctions.extensions.http.fastapi import Request

from blueprints.operator_http import accepted, json_body
from shared.errors import OperatorRequestError

EXAMPLE = '{"from": "2026-11-23T10:00Z"}'
LINKS = {"id": "run-1", "statusQueryGetUri": "http://host/run-1"}


def sample_request(body: bytes) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    return Request({"type": "http", "headers": []}, receive)


@pytest.mark.anyio
async def test_a_body_is_read_as_json() -> None:
    """Its type is not checked: the parser of the request names the mistake."""
    assert await json_body(sample_request(b"[1]"), EXAMPLE) == [1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body", [b"", b"{no", b"\xff", b"[" * 100_000], ids=["empty", "cut", "not UTF-8", "too deep"]
)
async def test_a_body_that_is_not_json_is_a_mistake(body: bytes) -> None:
    """The message shows an example."""
    with pytest.raises(OperatorRequestError, match=r"must be JSON such as .*2026-11-23"):
        await json_body(sample_request(body), EXAMPLE)


def test_an_accepted_run_says_where_its_status_is() -> None:
    """The body has the links, and other members before them."""
    response = accepted(LINKS, run="run-1", dry_run=True)
    assert response.status_code == 202
    assert response.headers["location"] == LINKS["statusQueryGetUri"]
    assert response.headers["retry-after"] == "5"
    assert list(json.loads(bytes(response.body)).items()) == [
        ("run", "run-1"),
        ("dry_run", True),
        *LINKS.items(),
    ]
