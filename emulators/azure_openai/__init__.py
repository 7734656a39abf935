"""A stand-in for Azure OpenAI: a process of its own that answers in Azure's shapes, with faults on
request.

    __main__          the command line
    app               turns a request into a response
    audio             speech, transcriptions and translations in Azure's shapes
    chat              chat completions in Azure's shapes
    choices           the model's output
    completions       legacy completions (`prompt` instead of `messages`) in Azure's shapes
    connection        one client's TCP connection
    control           the routes below `/_stand_in/`, for tests and the supervisor
    delivery          a body as timed writes and an end, with the pace, layout and interruptions of
                      the directives
    directives        the directives, with their defaults
    echo              the response to requests without a shape of their own
    embeddings        embeddings in Azure's shape
    errors            Azure OpenAI's errors, each in its shape
    files             files, batches and models
    filters           Azure's content filter annotations
    http_response     a response before its delivery, and the headers of Azure
    images            images (generations, edits, variations) in Azure's shape
    message_parts     parts of a chat message besides text and calls
    multipart         reads the short text fields and the file name of a multipart upload
    operations        maps operations to the shapes of their responses
    recording         a record of what the stand-in received and sent, for tests
    request           a request as it arrived
    request_parser    parses a JSON request
    responses         the Responses API's documents
    responses_stream  the Responses API's events, numbered, each with an `event:` line
    routes            parses a request's target
    sse               server-sent events as bytes
    stored_responses  responses that are stored, and how background ones proceed
    texts             the sentences that the stand-in answers with, and how it counts tokens

    python -m emulators.azure_openai --port 8081

It accepts any key and any deployment name except `missing`. The response depends on the request
alone, so the same request gets the same bytes. Directives control pace, shape and failure of each
call (`directives.py` lists them all), in the header `x-stand-in: first_chunk_ms=300; chunk_ms=20`
or, for clients that cannot set headers, after `--` in the deployment's name:
`gpt-4o--status=429,retry_after=7`. `GET /_stand_in/exchanges` returns its record of all exchanges
(`recording.py`).

The way of a request: `connection` reads it -> `routes` reads its target -> `request_parser`
reads its JSON -> a shape (`chat`, ...) makes the response -> `delivery` turns it into timed writes
and an end -> `connection` writes them, `recording` records them.
"""
