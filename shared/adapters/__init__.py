"""Adapters of the outside: Azure OpenAI, Storage, the Event Hub, Entra, the worker library.

They take and return the types of `shared.core`, and raise only `shared.errors` in place of a
library's exceptions. Adapters import settings, core, concurrency and errors, and no use case.
Limits and time-outs are constructor arguments.
"""
