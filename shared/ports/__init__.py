"""Ports: what the use cases need of the adapters, each stated once as a Protocol.

A Protocol here is one capability, of one or a few methods, and this is where its methods are
described: their values, units and errors. A use case that needs several capabilities of one store
composes them in its own module, and adds no method. function_app.py gives it the adapter, and mypy
checks there that the adapter has all of them.

    captures        the bytes of exchanges in Blob storage
    collector       a collector of spans and metrics
    content_policy  the blob of the content policy
    dead_letters    exchanges that can never be delivered
    envelopes       the queue that triggers enrichment
    erasure_marks   which exchanges are erased
    event_hub       the destination of events
    follow_ups      the queue of background responses to poll
    json_store      small JSON objects by name
    ledger          which exchanges the Event Hub has accepted
    reports         the reports of reconcile, one for each hour
    signing_keys    the keys by which callers' tokens are signed
    start_lock      one starter at a time
    upstream        Azure OpenAI, for the relay and the follower
    usage_claims    which exchange counts the usage of a background response

What no adapter fulfils but another part of the app is not stated here: it is a callable, or a
Protocol of several methods beside the only use case that needs it.

It imports `shared.core`; the errors that methods raise are those of shared/errors.py.
"""
