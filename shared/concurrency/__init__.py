"""Concurrent work on asyncio, without knowledge of the domain.

In: the caller's coroutines, items and sizes. Out: their results, and their exceptions.

    cooperative   runs a long computation in steps, between which the event loop serves others
    limits        bounds the calls that run at once, and the bytes that they hold
    group_commit  sends the items of many callers in groups
    renewal       fetches a value again before it expires, for all its callers
    periodic      repeats work in the background

It imports the standard library only. Every package may import it, except for `shared.core`, which
does no I/O.
"""
