"""HTTP by aiohttp's client, made safe against mixed-up responses and failures of reused
connections.

In: requests of httpx, or calls of a session. Out: responses, and the exceptions of httpx or of
`shared.errors` in place of aiohttp's.

    transport          the httpx transport, on aiohttp's client
    bodies             bodies between httpx and aiohttp, with their time-outs
    errors             aiohttp's exceptions as httpx's or fnsse's
    session            sessions that do nothing of their own accord
    connection_pool    aiohttp's pool, with the reuse of connections made safe
    aiohttp_internals  the table of aiohttp's internals that fnsse relies on, checked at the start

It imports `shared.errors`. The adapters of storage import it; no other adapter does.
"""
