"""Adapters of the outside: Azure OpenAI, Storage, the Event Hub, Entra, the worker library.

In: the types of `shared.core`, and bytes. Out: calls of the outside; the same types again, and only
`shared.errors` in place of a library's exceptions.

Each adapter fulfils Protocols of `shared.ports`, where its methods are described; a docstring here
adds what the adapter alone knows. Adapters import settings, http, ports, core, concurrency and
errors, and no use case. Limits and time-outs are constructor arguments.

    upstream     calls Azure OpenAI
    http_client  aiohttp's client, under httpx for the upstream and alone for storage
    identity     the app's own tokens, and the verification of a caller's
    storage      the storage account: its clients, its calls, its errors
    blobs        captures, small JSON objects, the policy's blob, leases
    queues       the queues of envelopes and of follow-ups
    ledger       the accepted exchanges, and the records beside them
    event_hub    sends events in groups
    otlp         exports spans, metrics and events to a collector
    worker       patches and settings of Microsoft's worker library
    presidio     finds names of people, if it is installed

`ledger` imports `blobs`; `ledger`, `blobs` and `queues` import `storage`; `storage` imports
`http_client` and `identity`. All others import no neighbour.
"""
