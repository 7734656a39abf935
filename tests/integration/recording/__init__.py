"""The relay's records of an exchange: captures and envelopes, if stores work, fail or are slow.

The relay and its transfers are real; the stores are in memory, so that a test can make them fail at
any moment.
"""
