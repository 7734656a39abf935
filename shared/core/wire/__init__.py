"""The bytes on the wire, and what they mean.

What enters is bytes of a request or an answer, cut anywhere, or raw headers. What leaves is what
may be forwarded, what the relay has to know of a body, and decoded events and JSON.

Requests:

    operations        the table of the API's operations: a row for each
    routing           the row for a request, or why the proxy does not relay it
    stream_request    whether a JSON body can ask for a stream, and whether it does
    usage_request     puts `stream_options.include_usage` into a body
    upstream_target   path and query as the upstream gets them

Streams:

    sse               decodes server-sent events
    stream_end        what ends an event or a stream, reports an error, or holds the usage
    stream_scan       how a stream ended, whatever its size and that of its events
    stream_findings   what is known of a stream's end: complete, an error, the usage
    event_search      finds events in bytes without decoding all of them
    large_event       what the ends of an event say that is too large to be parsed
    tail              what the end of any answer says, by the scan or by its document
    usage_chunk       takes the usage chunk out of a stream whose caller did not ask for it
    held_end          holds back the very end of an answer

HTTP:

    headers           raw headers as ASGI has them
    forwarding        the headers that are forwarded in each direction
    forwarding_rules  the tables for that, every row with its reason
    content_coding    decodes gzip and deflate piece by piece
    multipart         the fields of an upload
    body_start        what kind of body begins with some bytes

JSON:

    json_shape        reads JSON of any shape; an unexpected type reads as empty
    json_members      finds the top-level members of an object without parsing their values
    usage_object      recognises the upstream's figures of usage
    reported_error    whether a document or an event reports an error, and which
    redaction         what of a request or an answer may be in an event
    embedded_file     describes files in Base64 by type, size and hash
    steps             computations that pause, so that an event loop can serve others

Everything may import this package. It imports nothing but shared.errors.
"""
