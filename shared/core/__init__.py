"""The pure core: what the app knows and decides, without I/O, a clock or settings.

In: bytes, records and moments. Out: values, which are parsed answers, records, decisions, the
actions of an exchange, and the JSON of an event.

    telemetry
    event, exchange, decisions
    answer, records, content, cost, conversation, api_errors
    wire

A package imports from those below it only, and from shared.errors.

* `wire` knows the bytes of HTTP, SSE and JSON, callers' tokens and the table of operations.
* `records` holds what storage, queues and the ledger hold.
* `decisions` holds what the app decides about them: polls, poison messages, missing exchanges.
* `content` decides what of an exchange's prompt and answer is recorded.
* `answer` parses a captured answer.
* `cost` prices what an exchange used.
* `conversation` reads an event's prompt and answer as messages.
* `api_errors` holds the proxy's own error responses.
* `exchange` holds the states of a relayed exchange.
* `event` builds what goes to the Event Hub.
* `telemetry` names what OpenTelemetry gets of an exchange.

A decision that needs no I/O, clock or randomness has its place here, and not in the use case that
carries it out: the relay's in `exchange`, those about content in `content`, the others in
`decisions`. Nothing here imports azure, httpx, aiohttp, asyncio or a web framework; ruff enforces
it.
"""
