"""The HTTP path: one exchange from its first byte to its recording.

A request enters as an ASGI call below /openai/ and leaves as a call of the upstream; the response
goes back to the client as it arrives. What leaves besides are two captures (the raw bodies, to
storage) and an envelope (how the exchange went, to a queue).

    relay_context         the dependencies and limits that all exchanges of a worker share
    relay_response        the response that relays an exchange, and records it
    exchange_runner       carries an exchange out; client_watch watches its client meanwhile
    rejection             rejects a request by its request line alone
    request_intake        reads the request's body, and puts it into its capture; request_body is
                          how it is held or passed on, body_memory the memories for bodies
    upstream_call         the call of the upstream, and its repetition without the proxy's addition
    client_response       what is sent to the client, as ASGI messages
    caller_headers        who called, and which content mode follows from it
    exchange_observation  what is observed of an exchange, and the time since it began
    response_observation  what is observed of its response
    exchange_envelope     makes the envelope of an observation
    body_writer           the contract of what takes a body as it arrives: capture_writer takes one
                          that is stored, digest_writer one that is not
    capture_headers       makes the headers of the captures
    recorder              records an exchange that has ended
    capture_recorder      stores its captures, that of the request while the upstream works
    outcome_recorder      stores how it ended; pending_outcomes tries again what no store took
    recording_failures    what could not be stored: counted and logged

What happens to an exchange is decided in shared.core.exchange, without I/O. This package imports
from core, concurrency, http, ports, settings and errors; the upstream and the stores, which ports
describes, are given to it.
"""
