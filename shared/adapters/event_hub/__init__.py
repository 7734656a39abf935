"""The Event Hub.

In: events as bytes. Out: their acceptance, or the DeliveryError of each.

    sender    sends the events that wait in groups
    producer  the SDK's producer, replaced after a silence
    errors    translates the exceptions of the SDK

It imports `shared.concurrency`, `shared.core`, `shared.settings` and `shared.errors`, and no other
adapter.
"""
