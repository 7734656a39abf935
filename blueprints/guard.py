"""Who may call a function: checked by the Functions host (keys), or here (Entra tokens)."""

from __future__ import annotations

from typing import Final

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from shared.caller_check import CallerCheck
from shared.core.caller_token import Role
from shared.error_response import ErrorResponse

_HEADERS: Final = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "5"}}


class Guard:
    """Every function that is not open to everyone has one of the two levels and asks first: `await guard.caller(req) or …`."""

    def __init__(self, check: CallerCheck | None) -> None:
        """None: the host checks, by the functions' levels. They are fixed when the host indexes the app."""
        self._check = check
        self.caller_level = func.AuthLevel.FUNCTION if check is None else func.AuthLevel.ANONYMOUS
        self.operator_level = func.AuthLevel.ADMIN if check is None else func.AuthLevel.ANONYMOUS

    async def caller(self, req: Request) -> Response | None:
        """The answer to a call that may not be relayed; None if it may."""
        return await self._refusal(req, Role.CALLER)

    async def operator(self, req: Request) -> Response | None:
        """The answer to whoever may not operate; None if he may."""
        return await self._refusal(req, Role.OPERATOR)

    async def _refusal(self, req: Request, role: Role) -> Response | None:
        error = await self._check.refusal(req.scope["headers"], role) if self._check is not None else None
        return ErrorResponse(error, _HEADERS.get(error.status)) if error is not None else None
