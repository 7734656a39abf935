"""The bytes on the wire, and what they mean.

What enters is bytes of a request or an answer, cut anywhere, or raw headers. What leaves is what
may be forwarded, what the relay has to know of a body, and decoded events and JSON.

* `operations` is the table of the API's operations; `routing` finds the row for a request.
* `stream_request`, `usage_request` examine a request's body; `json_members` scans it.
* `sse`, `stream_end`, `tail`, `usage_chunk`, `held_end` know streams.
* `forwarding`, `headers`, `content_coding`, `multipart` know HTTP.
* `json_shape`, `redaction`, `embedded_file` read JSON and keep secrets and files out of events.

Everything may import this package. It imports nothing but shared.errors.
"""
