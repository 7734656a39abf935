"""The HTTP client that calls Azure OpenAI, alone and below the relay.

It is the real transport on aiohttp, against servers of a few lines on real sockets, which stall,
break connections and send malformed responses.
"""
