"""Whose answer an exchange's client got."""

from __future__ import annotations

from typing import Any, Final

from harness.chat import Chat
from prove.exchange_views import ExchangeViews
from prove.observation import ClientObservation
from prove.upstream_calls import UpstreamRecord

_CLIENT: Final = ClientObservation(
    chat=Chat(deployment="chat-1"), exchange_id="2", status=200, whole=True
)
_TWICE: Final = UpstreamRecord(
    count=2, request_sha256="", response_sha256="", response_bytes=0, finished=True, started_at=0.0
)


def test_the_last_of_two_exchanges_was_answered() -> None:
    """The host gave a request to another worker: each of the two exchanges called the upstream
    once, and the last one was answered.
    """
    event: dict[str, Any] = {"deployment": "chat-1"}
    views = ExchangeViews([_CLIENT], {"chat-1": _TWICE}, {"1": [event], "2": [event]})
    first, last = views.of("1", "chat-1"), views.of("2", "chat-1")
    assert first.client == ClientObservation(chat=_CLIENT.chat)
    assert last.client == _CLIENT
    assert [view.upstream.count for view in (first, last) if view.upstream] == [1, 1]
    assert views.repeats == 1


def test_a_response_of_the_host_itself_is_none_of_the_exchange() -> None:
    client = ClientObservation(chat=Chat(deployment="chat-1"), status=502, whole=True)
    view = ExchangeViews([client], {}, {"1": [{"deployment": "chat-1"}]}).of("1", "chat-1")
    assert view.client == ClientObservation(chat=client.chat)
    assert view.upstream is None
