"""Content modes and policies: which text may be stored, and which is redacted first.

The policy is in a blob of an Azurite; the analyzer is a real child process; what is written is read
from stores in memory.
"""
