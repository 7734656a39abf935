"""Ports: what the use cases need of the adapters, each stated once as a Protocol.

In: what a use case hands to an adapter. Out: what the adapter returns. Both are types of
`shared.core` or bytes, never those of a library.

A Protocol here is one capability, of one or a few methods, and this is where its methods are
described: their values, units and errors. A use case that needs several capabilities of one store
composes them in its own module, and adds no method. function_app.py gives it the adapter, and mypy
checks there that the adapter has all of them.

    captures      the bytes of exchanges in Blob storage
    blobs         JSON objects, the content policy, claims on usage and the start lock
    ledger        which exchanges the Event Hub has accepted, which are erased, and reports
    dead_letters  exchanges that can never be delivered
    queues        the queues of envelopes and of background responses to poll
    destinations  the Event Hub, and a collector of spans and metrics
    upstream      Azure OpenAI, for the relay and the follower
    signing_keys  the keys by which callers' tokens are signed

What no adapter fulfils but another part of the app is not stated here: it is a callable, or a
Protocol of several methods beside the only use case that needs it.

It imports `shared.core`; the errors that methods raise are those of shared/errors.py.
"""
