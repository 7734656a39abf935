"""The world outside: Azure OpenAI, Storage, the Event Hub, Entra, the worker library.

What enters and leaves are the types of `shared.core`; whatever a library raises leaves as one of
`shared.errors`. Adapters import settings, core, concurrency and errors, and no use case. Limits and
time-outs are constructor arguments.
"""
