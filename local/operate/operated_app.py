"""The app as an operator sees it: starts a run of it, and follows that to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TextIO

import httpx

from local.app_access import AppAccess
from local.operate.progress import Display, is_over
from local.stack import StackError
from shared.core.wire.json.json_shape import JsonObject, mapping, parse_object, text
from view.run_links import RunLinks

_POLL_INTERVAL_S: Final = 1.0
_MAX_FAILED_POLLS: Final = 30  # in a row; then the run is not followed any more


@dataclass(frozen=True, kw_only=True)
class OperatedApp:
    """The app whose runs are started. `key` is an operator's; a local app needs none."""

    url: str
    key: str = ""

    def client(self) -> AbstractContextManager[httpx.Client]:
        """A client that takes HTTP_PROXY for other machines alone."""
        return AppAccess(url=self.url).client()

    @property
    def headers(self) -> dict[str, str]:
        """The header that authenticates an operator; empty without a key."""
        if not self.key:
            return {}
        is_token = self.key.lower().startswith("bearer ")
        return {"authorization" if is_token else "x-functions-key": self.key}


class RunStarter:
    """Starts runs and follows them. `wait` pauses between two polls of a run."""

    def __init__(
        self,
        client: httpx.Client,
        headers: Mapping[str, str],
        out: TextIO,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._headers = headers
        self._out = out
        self._wait = wait
        self._links = RunLinks()

    def run(self, name: str, body: JsonObject | None, title: str) -> JsonObject:
        """Durable's final status of a run that this starts. Raises StackError."""
        link = self._start(name, body)
        display = Display(title, self._out)
        status = self._status(link)
        while not is_over(status):
            display.show(status)
            self._wait(_POLL_INTERVAL_S)
            status = self._status(link)
        display.end(status)
        return status

    def _start(self, name: str, body: JsonObject | None) -> str:
        try:
            response = self._client.post(f"/ops/{name}", json=body, headers=dict(self._headers))
        except httpx.HTTPError as error:
            raise StackError(
                f"the app at {self._client.base_url} did not answer ({type(error).__name__}): check "
                "the address, and whether the app is started"
            ) from None
        content = parse_object(response.content)
        self._links.keep(content)
        link = self._links.link(text(content.get("id")))
        if response.status_code != HTTPStatus.ACCEPTED or link is None:
            raise StackError(_rejection(name, response.status_code, content))
        return link

    def _status(self, link: str) -> JsonObject:
        """The link holds a key of its own."""
        for _ in range(_MAX_FAILED_POLLS):
            try:
                status = parse_object(self._client.get(link).content)
            except httpx.HTTPError:
                status = {}
            if text(status.get("runtimeStatus")):
                return status
            self._wait(_POLL_INTERVAL_S)
        raise StackError("the app does not say any more how far the run is; it goes on there")


def _rejection(name: str, code: int, content: JsonObject) -> str:
    error = mapping(content.get("error"))
    if message := text(error.get("message")):
        return f"{text(error.get('code')) or code}: {message}"
    if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"the app refused the operator's key ({code}): KEY is its master key, or `Bearer` and a token"
    return f"POST /ops/{name}: {code}: is this address fnsse's?"
