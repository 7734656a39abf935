"""The access check of each function. The Functions host checks keys; Entra tokens are
checked here.
"""

from __future__ import annotations

from typing import Final

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from shared.access.auth_failure_log import AuthFailureLog
from shared.access.caller_check import CallerCheck
from shared.core.api_errors import ApiError
from shared.core.records.operator.erasure_receipt import OperatorIdentity
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER
from shared.core.wire.token.caller_token import Role
from shared.http.error_response import ErrorResponse
from shared.http.exchange_ids import fresh_exchange_id

_CHALLENGES: Final = {401: {"www-authenticate": "Bearer"}}


class Guard:
    """Rejects calls. Every function that is not open to everyone has one of its two levels, and
    calls it before anything else: `await guard.caller(req) or …`.
    """

    def __init__(self, check: CallerCheck | None) -> None:
        """If there is no `check`, the host checks keys by the functions' levels, which are fixed
        when it indexes the app.
        """
        self._check = check
        self._log = AuthFailureLog()
        self.caller_level = func.AuthLevel.FUNCTION if check is None else func.AuthLevel.ANONYMOUS
        self.operator_level = func.AuthLevel.ADMIN if check is None else func.AuthLevel.ANONYMOUS

    async def caller(self, req: Request) -> Response | None:
        """The response to a call that may not be relayed; None if it may be. It has an exchange id,
        as every response to callers has.
        """
        error = await self._rejection(req, Role.CALLER)
        if error is None:
            return None
        exchange_id = fresh_exchange_id()
        self._log.record(exchange_id, error)
        return _error_response(error, {EXCHANGE_ID_HEADER: exchange_id})

    async def operator(self, req: Request) -> Response | None:
        """The response to a call that is not an operator's; None if it is."""
        error = await self._rejection(req, Role.OPERATOR)
        return _error_response(error, {}) if error is not None else None

    async def identify_operator(self, req: Request) -> OperatorIdentity | Response:
        """The operator who calls, or the response to a call that is not an operator's."""
        if self._check is None:
            return OperatorIdentity(auth="function_key", object_id=None)
        identity = await self._check.identity(req.scope["headers"], Role.OPERATOR)
        if isinstance(identity, ApiError):
            return _error_response(identity, {})
        return OperatorIdentity(auth="entra", object_id=identity)

    async def _rejection(self, req: Request, role: Role) -> ApiError | None:
        return (
            await self._check.rejection(req.scope["headers"], role)
            if self._check is not None
            else None
        )


def _error_response(error: ApiError, headers: dict[str, str]) -> Response:
    return ErrorResponse(error, _CHALLENGES.get(error.status, {}) | headers)
