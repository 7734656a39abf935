"""A stand-in for Azure OpenAI: a process of its own that answers in Azure's shapes, with faults on
request.

    python -m local.azure_openai --port 8081

It accepts any key and any deployment name except `missing`. What it answers depends on the request
alone, so the same request gets the same bytes. How it answers (pace, shape, failure) is told per
call by directives (`directives.py` lists them all), in the header `x-stand-in: first_chunk_ms=300;
chunk_ms=20` or, for clients that cannot set headers, behind `--` in the deployment's name:
`gpt-4o--status=429,retry_after=7`. What happened can be read at `GET /_stand_in/exchanges`
(`recording.py`).

Way of a request: `server` reads it -> `routes` says what it is for -> `ask` reads its JSON -> a
shape (`chat`, ...) makes the answer -> `delivery` turns it into timed writes and an ending ->
`server` carries them out, `recording` remembers.
"""
