"""A stand-in for Azure OpenAI: a process of its own that answers in Azure's shapes, with faults on
request.

    python -m emulators.azure_openai --port 8081

It accepts any key and any deployment name except `missing`. The response depends on the request
alone, so the same request gets the same bytes. Directives control pace, shape and failure of each
call (`directives.py` lists them all), in the header `x-stand-in: first_chunk_ms=300; chunk_ms=20`
or, for clients that cannot set headers, after `--` in the deployment's name:
`gpt-4o--status=429,retry_after=7`. `GET /_stand_in/exchanges` returns its record of all exchanges
(`recording.py`).

The way of a request: `connection` reads it -> `routes` reads its target -> `ask` reads its JSON ->
a shape (`chat`, ...) makes the response -> `delivery` turns it into timed writes and an end ->
`connection` writes them, `recording` records them.
"""
