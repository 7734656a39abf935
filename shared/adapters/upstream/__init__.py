"""Calls to Azure OpenAI.

In: a request's method, URL, headers and body. Out: the response as it streams, with the exceptions
of `shared.errors` in place of httpx's.

    sender    sends requests through httpx
    response  a response, whose body is read as it arrives
    reader    the app's own fetches of responses that are stored upstream

It imports `shared.core`, `shared.ports`, `shared.settings` and `shared.errors`. It is given its
httpx transport, and imports no other adapter.
"""
