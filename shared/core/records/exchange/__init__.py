"""The records of one exchange: its identity, its captures and its envelope.

Bytes, headers of captures and JSON enter; typed records and the same bytes leave.

    exchange_id, window   an exchange's identity, and its hour
    id_hash               the hash of an id of a person or of a response
    outcome               how an exchange ended
    envelope              the queue message about a finished exchange, and its outcome capture
    capture               the raw bytes of a body, with status and chosen headers
    captured_headers      the headers that captures keep
    captured_exchange     the exchanges whose captures are stored, by a listing
    piece_times           when the pieces of a response arrived
    unstored_body         size, hash and ends of a body that must not be stored
    digests               SHA-256 of captures and event
    aborted               makes an envelope of a request capture alone

It may import `shared.core.wire` and `shared.errors`.
"""
