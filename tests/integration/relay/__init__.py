"""The relay between a client and an upstream: which bytes pass, when, and how an exchange ends.

Most tests drive the ASGI app with a scripted client and upstream. The others have it served by
uvicorn on real sockets, in front of a server of a few lines, and call it with OpenAI's SDKs for
Python and Node.js. Stores are in memory.
"""
