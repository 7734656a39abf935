"""The requests that reached the upstream: the record that the stand-in for Azure OpenAI keeps."""

from __future__ import annotations

import base64
import json
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from harness.waiting import poll_until
from local.stack import Stack


@dataclass(frozen=True, kw_only=True)
class UpstreamRequest:
    """A request as it reached the upstream, and the response. Times are time.monotonic()."""

    method: str
    path: str  # as it arrived, still encoded
    query: str | None
    headers: list[tuple[str, str]]
    body: bytes  # of a body that is not UTF-8 only the digest is recorded
    body_sha256: str
    response_body: bytes  # as it was written
    write_times: list[float]  # of each piece of the body
    started_at: float
    ended: str  # open | finished | peer_closed | reset_on_purpose | closed_on_purpose

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name]


def requests(stack: Stack, *, deployment: str = "", request_id: str = "") -> list[UpstreamRequest]:
    """The requests so far for a deployment, or with an x-ms-client-request-id."""
    query = {
        "deployment": deployment,
        "header": f"x-ms-client-request-id:{request_id}" if request_id else "",
    }
    return [_request(document) for document in _get(stack, f"exchanges?{urlencode(query)}")]


def only_request(
    stack: Stack, *, deployment: str = "", request_id: str = "", ended: bool = True
) -> UpstreamRequest:
    """Wait for the only request of a deployment or request id, and by default for its response's
    end.
    """

    def probe() -> list[UpstreamRequest]:
        records = requests(stack, deployment=deployment, request_id=request_id)
        return [] if ended and any(one.ended == "open" for one in records) else records

    records = poll_until(probe, f"the upstream's record of {deployment or request_id}")
    assert len(records) == 1, f"the upstream was called {len(records)} times"
    return records[0]


def _get(stack: Stack, path: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stack.stand_in_url}/_stand_in/{path}", timeout=10) as response:  # noqa: S310 - http
        documents: list[dict[str, Any]] = json.load(response)
    return documents


def _request(document: dict[str, Any]) -> UpstreamRequest:
    return UpstreamRequest(
        method=document["method"],
        path=document["path"],
        query=document["query"],
        headers=[(name, value) for name, value in document["headers"]],
        body=(document["request_body"] or "").encode(),
        body_sha256=document["request_sha256"],
        response_body=base64.b64decode(document["response_body_base64"] or ""),
        write_times=document["write_times"],
        started_at=document["started_at"],
        ended=document["ended"],
    )
