"""Access: callers' tokens against a tenant's keys over HTTP, and the level of each function.

The tenant is a server on a real socket; the levels are those that Microsoft's worker library reads
off the app.
"""
