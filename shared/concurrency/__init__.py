"""Concurrent work on asyncio, without knowledge of the domain.

In: the caller's coroutines, items and sizes. Out: their results, and their exceptions.

    cooperative   runs a long computation in steps, between which the event loop serves others
    gather        runs many calls at once, up to a limit
    group_commit  sends the items of many callers in groups
    renewal       fetches a value again before it expires, for all its callers
    periodic      repeats work in the background
    byte_budget   bounds the bytes that concurrent work holds

It imports the standard library only. Every package may import it, except for `shared.core`, which
does no I/O.
"""
