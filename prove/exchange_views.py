"""Joins what clients, upstream and events say of the same exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from local.events.feed import DeliveredEvent
from prove.event_rules import ExchangeView
from prove.observation import ClientObservation
from prove.upstream_calls import UpstreamRecord


class ExchangeViews:
    """The views of all exchanges. A deployment is of one request only.

    The real Functions host gives a request to another worker if the first one dies. Each worker
    makes an exchange of it; the client gets the response, and the id, of the last. If it finds no
    other worker, it answers itself, without an id.
    """

    def __init__(
        self,
        observations: Iterable[ClientObservation],
        upstream: Mapping[str, UpstreamRecord],
        events: Mapping[str, Sequence[DeliveredEvent]],
    ) -> None:
        """`upstream`: by deployment; `events`: by exchange id."""
        self._clients = {observation.deployment: observation for observation in observations}
        self._upstream = upstream
        self._exchanges = Counter(copies[0]["deployment"] for copies in events.values())

    @property
    def repeats(self) -> int:
        """Number of exchanges that the host made of a request once more."""
        return self._exchanges.total() - len(self._exchanges)

    def of(self, exchange_id: str, deployment: str) -> ExchangeView:
        """Both ends of this exchange."""
        client = self._clients.get(deployment)
        if client is not None and client.exchange_id != exchange_id:
            client = ClientObservation(chat=client.chat)  # it got no response of this exchange
        call = self._upstream.get(deployment)
        if call is not None:
            call = replace(call, count=call.count - self._exchanges[deployment] + 1)
        return ExchangeView(client=client, upstream=call)
