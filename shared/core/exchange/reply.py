"""The reply to the client of an exchange: headers, body, and an error as far as HTTP still allows
it. shared.core.exchange.machine decides when.
"""

from __future__ import annotations

from shared.core.api_errors import ApiError
from shared.core.exchange import late_error
from shared.core.exchange.actions import (
    Abort,
    Actions,
    EndBody,
    SendBody,
    SendComment,
    SendErrorDocument,
    SendErrorFrame,
    SendErrorObject,
    SendHeaders,
    SendWhiteSpace,
    StartKeepAlive,
)
from shared.core.exchange.client_body import ClientBody
from shared.core.exchange.early_response import EarlyBody, EarlyDocument, EarlyResponse
from shared.core.exchange.rules import ExchangeRules
from shared.core.wire.http import forwarding
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER, RawHeaders


class Reply:
    """The reply to one client. Each method returns the actions that send its part now."""

    def __init__(self, exchange_id: str, rules: ExchangeRules) -> None:
        self.status: int | None = None  # None: the client gets no response
        self.is_chunked = False  # no Content-Length tells the client where the body ends
        # the last thing that the client is sent is an error, in a response that had begun
        self.ends_with_error = False
        self._exchange_id = exchange_id
        self._rules = rules
        self.body = self._new_body(is_stream=False)
        self._is_document = False  # an error's, which needs no further end
        # of a response without a body, which they end: held back as the end of any other
        self._held_headers: SendHeaders | None = None

    @property
    def is_held(self) -> bool:
        """Whether the headers are held back, so that the client has nothing yet."""
        return self._held_headers is not None

    def begin_early(self, promise: EarlyResponse) -> Actions:
        """A response that the upstream has not answered yet."""
        self.status, self.is_chunked = 200, True
        self.body = self._early_body(promise, "")
        headers = [
            (b"content-type", promise.value.encode()),
            (b"cache-control", b"no-cache"),
            (EXCHANGE_ID_HEADER.encode(), self._exchange_id.encode()),
        ]
        return (SendHeaders(200, headers), *self.keep_alive(), *self._start_keep_alive())

    def continue_early(self, promise: EarlyResponse, coding: str) -> None:
        """Continue with the promised response; `coding` is the upstream's content coding."""
        self.body = self._early_body(promise, coding)

    def begin(
        self, status: int, headers: RawHeaders, *, is_stream: bool, bodiless: bool
    ) -> Actions:
        """The upstream's response has begun. `bodiless`: the headers are all of it."""
        client_headers = forwarding.response_headers(headers, self._exchange_id, unsized=is_stream)
        self.status = status
        self.is_chunked = all(name != b"content-length" for name, _ in client_headers)
        self.body = self._new_body(is_stream=is_stream)
        if bodiless and self._rules.capture_required:
            self._held_headers = SendHeaders(status, client_headers)
            return ()
        return (
            SendHeaders(status, client_headers),
            *(self._start_keep_alive() if is_stream else ()),
        )

    def keep_alive(self) -> Actions:
        """A comment or white space, if either may stand here: it means nothing to the client."""
        if self.body.at_event_boundary:
            return (SendComment(),)
        return (SendWhiteSpace(),) if self.body.before_document else ()

    def rest(self) -> Actions:
        """The bytes that waited for the end of their event when the response ended."""
        return _send(self.body.flush())

    def release(self) -> Actions:
        """The bytes or headers that were held back until the captures are stored, and the end."""
        held, self._held_headers = self._held_headers, None
        return (*((held,) if held is not None else ()), *_send(self.body.release()), EndBody())

    def withdraw(self) -> None:
        """Give up the headers that are held back."""
        if self.is_held:
            self._held_headers, self.status = None, None

    def error_document(self, error: ApiError) -> Actions:
        """An error as the whole response."""
        self._is_document, self._held_headers = True, None
        self.status = error.status
        return (SendErrorDocument(error),)

    def failure(self, error: ApiError) -> Actions:
        """An error of the proxy in a response that has begun, if it may and can be reported."""
        if self._rules.error_frames or self.body.before_document:
            return self.report_late(error.body(), error.status)
        return ()

    def report_late(self, error: bytes, status: int) -> Actions:
        """An error in a response that has begun, with the status that can no longer be sent.

        Nothing is put within an event: ended there, it would be read as a complete one, and fail in
        the SDK's JSON parser. A connection that breaks off, which SDKs raise as a connection error,
        says it better.
        """
        actions: Actions = ()
        if self.body.at_event_boundary:
            actions = (SendErrorFrame(error),)
        elif self.body.before_document:
            actions = (SendErrorObject(late_error.with_status(error, status)),)
        self.ends_with_error = bool(actions)
        return actions

    def end(self, *, complete: bool, error_sent: bool) -> Actions:
        """The response's end, unless it has one. `complete`: all of the response was sent.
        `error_sent`: the client was sent the error with which the response ends.
        """
        if self._is_document:
            return ()
        is_whole = error_sent if self.ends_with_error else complete
        return (EndBody(),) if is_whole else (Abort(),)

    def _new_body(self, *, is_stream: bool) -> ClientBody:
        return ClientBody(is_stream=is_stream, holds_back=self._rules.capture_required)

    def _early_body(self, promise: EarlyResponse, coding: str) -> ClientBody:
        holds_back = self._rules.capture_required
        if promise is EarlyResponse.DOCUMENT:
            return EarlyDocument(coding, holds_back=holds_back)
        return EarlyBody(coding, holds_back=holds_back)

    def _start_keep_alive(self) -> Actions:
        return (StartKeepAlive(),) if self._rules.keep_alive else ()


def _send(data: bytes) -> Actions:
    return (SendBody(data),) if data else ()
