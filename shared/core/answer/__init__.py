"""A captured answer, parsed.

What enters is the body of an answer as bytes, cut anywhere, and an `AnswerBody` with its operation,
status and content type. What leaves is a `ParsedAnswer` (`shapes`), whose types are part of the
event's contract. `reader` is the entry. `chat`, `responses`, `embeddings`, `images`, `audio` and
`batches` hold the `AnswerReader` of each kind of operation, and `metadata` collects what they have
in common. `chunks` finds the JSON chunks of an SSE body; `choice_parts` and `response_items` merge
their parts. `without_content` leaves out of an answer what may not be recorded.

`shared.core.event` imports this package; it imports `shared.core.wire` and
`shared.errors`.
"""
