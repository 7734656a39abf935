"""The pure core: what the app knows and decides, without I/O, a clock or settings.

    telemetry > event > answer, exchange, cost, conversation > records, api_errors > content
    > wire, token, detect

A package imports from those to its right only, and from shared.errors.

* `wire` knows the bytes of HTTP, SSE and JSON, and the table of the API's operations.
* `records` holds what is stored, `token` the claims of a caller's token.
* `detect` finds personal data and secrets in texts.
* `content` decides what of an exchange's prompt and answer is recorded.
* `answer` parses a captured answer, `event` builds what goes to the Event Hub.
* `conversation` reads an event's prompt and answer as messages.
* `cost` prices what an exchange used.
* `telemetry` names what OpenTelemetry gets of an exchange.
* `exchange` holds the states of a relayed exchange.
* `api_errors` holds the proxy's own error responses.

Nothing here imports azure, httpx, aiohttp, asyncio or a web framework; ruff enforces it.
"""
