"""Calls of the app whose exchanges are shown. Its keys stay on this side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

from shared.core.wire.json.json_shape import JsonObject, parse_object
from view.options import AppAddress

_TIMEOUTS: Final = httpx.Timeout(30, read=300)  # an answer may think for minutes
_OPERATOR_ROUTE_S: Final = 30


class AppUnreachable(Exception):
    """The app did not answer; the message says what to check."""


class AppClient:
    """The HTTP client of one app."""

    def __init__(
        self, address: AppAddress, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`transport`: the way to the app; None: the network."""
        self._address = address
        # HTTP_PROXY does not apply to this machine's own ports
        self._http = httpx.AsyncClient(timeout=_TIMEOUTS, trust_env=False, transport=transport)

    @property
    def url(self) -> str:
        """The app's address."""
        return self._address.url

    @property
    def has_operator_key(self) -> bool:
        """Whether the operators' routes can be called."""
        return self._address.operator_key is not None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call_operator_route(
        self, method: str, path: str, *, query: str = "", body: JsonObject | None = None
    ) -> tuple[int, JsonObject]:
        """Call an operator's route; return status and JSON. Raises AppUnreachable."""
        address = f"{self.url}/ops/{path}" + (f"?{query}" if query else "")
        try:
            response = await self._http.request(
                method, address, json=body, headers=self._operator(), timeout=_OPERATOR_ROUTE_S
            )
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from None
        return response.status_code, parse_object(response.content)

    async def follow(self, path: str) -> tuple[int, JsonObject]:
        """The HTTP status and the JSON of a run's status, by the path that the app gave. Raises
        AppUnreachable.
        """
        try:
            response = await self._http.get(self.url + path, timeout=_OPERATOR_ROUTE_S)
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from None
        return response.status_code, parse_object(response.content)

    async def call(self, path: str, body: JsonObject) -> httpx.Response:
        """Begin a call as a caller of the proxy: the response is to be read and closed. Raises
        AppUnreachable.
        """
        headers = {"api-key": self._address.key} if self._address.key else {}
        request = self._http.build_request("POST", self.url + path, json=body, headers=headers)
        try:
            return await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _unreachable(self.url, error) from None

    def _operator(self) -> Mapping[str, str]:
        key = self._address.operator_key or ""
        name = "authorization" if key.lower().startswith("bearer ") else "x-functions-key"
        return {name: key}


def _unreachable(url: str, error: Exception) -> AppUnreachable:
    return AppUnreachable(f"the app at {url} did not answer ({type(error).__name__})")
