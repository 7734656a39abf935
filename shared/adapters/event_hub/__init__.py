"""The Event Hub.

In: events as bytes. Out: their acceptance, or the DeliveryError of each.

    sender  sends the events that wait in groups, and renews its producer
    errors  translates the exceptions of the Event Hubs SDK

It imports `shared.concurrency`, `shared.core`, `shared.settings` and `shared.errors`, and no other
adapter.
"""
