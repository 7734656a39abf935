"""Adapters of the outside: Azure OpenAI, Storage, the Event Hub, Entra, the worker library.

They take and return the types of `shared.core`, and raise only `shared.errors` in place of a
library's exceptions. Adapters import settings, core, concurrency and errors, and no use case.
Limits and time-outs are constructor arguments.

The upstream:

    upstream           calls it through httpx, whose exceptions become fnsse's there
    upstream_reader    fetches what it has, on the app's own behalf
    aiohttp_transport  the httpx transport, on aiohttp's client
    aiohttp_bodies     bodies between httpx and aiohttp, with their time-outs
    aiohttp_errors     aiohttp's exceptions as httpx's or fnsse's
    aiohttp_internals  the table of aiohttp's internals that fnsse relies on, checked at the start
    aiohttp_session    what every session of aiohttp is kept from doing of its own accord
    connection_pool    aiohttp's pool, without what could fail a caller or mix up responses

Storage:

    storage            the account's clients, and the bound on their calls
    storage_http       HTTP calls to the account
    direct_storage     the calls of every exchange, without the SDK's pipeline
    storage_errors     translates the exceptions of the SDK and the network
    backoff            the wait before the next try of a call
    captures           captures, in Blob storage
    envelope_queue     the queue of envelopes
    follow_up_queue    the queue of follow-ups
    json_blobs         small JSON objects, one blob each
    ledger             the ledger and the report of each window
    ledger_appender    appends entries to the ledger; ledger_blobs reads them
    first_entries      reads who delivered an exchange first
    usage_claims       claims on the usage of background responses
    policy_blob        reads the blob of the content policy
    start_lease        a lease that one holder has over all instances

The Event Hub, the collector, identities and the worker:

    event_hub          sends events in groups
    event_hub_errors   translates the exceptions of its SDK
    otlp               exports spans and metrics
    otlp_events        exports the events that hold prompt and answer
    identity           the app's managed identity, and its tokens
    entra              the keys of a callers' tenant, and the verification of tokens
    worker_library     patches of Microsoft's worker library, checked at the start
    http_invocations   patches of how that library pairs a request with its invocation
    worker_process     the worker's log lines and its garbage collector

The analyzer:

    presidio           finds names of people, if it is installed

The rates:

    rate_files         the card of rates, from its files
"""
