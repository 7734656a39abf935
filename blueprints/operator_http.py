"""Reads the requests of operators who start a run, and answers them before the run is carried
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

from shared.errors import OperatorRequestError

_POLL_INTERVAL_S: Final = 5


async def json_body(req: Request, example: str) -> object:
    """The JSON value in a request's body. Raises OperatorRequestError, which shows the example, if
    the body is not JSON.
    """
    try:
        return await req.json()
    except (ValueError, RecursionError):
        raise OperatorRequestError(f"The body must be JSON such as {example}.") from None


def accepted(links: Mapping[str, str], **members: str | bool) -> Response:
    """202 Accepted: Durable's management links of a run, with the address of its status in
    `Location`. The body has `members` before the links.
    """
    return JSONResponse(
        {**members, **links},
        202,
        {"location": links["statusQueryGetUri"], "retry-after": str(_POLL_INTERVAL_S)},
    )
