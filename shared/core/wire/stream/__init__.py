"""Streams of server-sent events, and how a response ended.

Pieces of a response, cut anywhere, enter. Events, the response's tail, and the bytes that a client
may have leave.

    sse               decodes server-sent events
    stream_end        what ends an event or a stream, reports an error, or holds the usage
    stream_scan       the tail of a stream, whatever its size and that of its events
    stream_findings   what is known of a stream's end: complete, an error, the usage
    event_search      finds events in bytes without decoding all of them
    large_event       what the ends of an event say that is too large to be parsed
    tail              what the end of a response says of it, by the scan or by its document
    usage_chunk       takes the usage chunk out of a stream whose caller did not ask for it
    held_end          holds back the very end of a response
    text_filters      takes a byte order mark off a text, and turns its line ends into LF

The relay asks this of the bytes that pass, enrichment of a whole capture. It imports http, json,
operations and steps.
"""
