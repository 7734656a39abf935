"""Helpers for asyncio that know nothing of the domain. They import the standard library only, and
every package may import them, except for `shared.core`, which does no I/O.

`cooperative` runs a generator in steps, `gather` runs many calls at once up to a limit, `renewal`
fetches a value anew from time to time for all who need it.
"""
