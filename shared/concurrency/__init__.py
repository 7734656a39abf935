"""Concurrent work on asyncio, without knowledge of the domain.

    cooperative  runs a long computation in steps, between which the event loop serves others
    futures      completes the futures of all who wait for one piece of work
    gather       runs many calls at once, up to a limit
    renewal      fetches a value again from time to time, for all who need it
    byte_budget  bounds the bytes that concurrent work holds

It imports the standard library only. Every package may import it, except for `shared.core`, which
does no I/O.
"""
