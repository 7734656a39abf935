"""Builds the event of an exchange.

In: an envelope, and the captures of the request and the response (either may be missing). Out: an
`Event`, and its JSON, truncated to the Event Hub's limit.

    sources                        parses the captures, and states their error and problems
    request_summary                the prompt and the other parts of a parsed request
    content_redaction              replaces what detectors find in the texts of an event
    answer_notes                   an answer that is not stored, as a capture's header notes it
    parameters                     the parameters of a request, by a list
    builder                        composes the Event from the parsed sources
    attribution, latency, usage    parts of an event, each from its own source
    event_cost                     the billed quantities, and their cost by a card of rates
    integrity                      sizes and hashes of bodies, and whether they were altered
    usage_claim                    which of several exchanges counts the usage of one response
    shape                          the Event's fields: the contract with consumers
    event_texts                    the texts of an event that may be cut
    truncation                     Event -> JSON of at most so many bytes

It may import `shared.core.answer`, `content`, `cost`, `records` and `wire`. Enrichment,
`shared.core.telemetry` and the view import it. The relay and `shared.following` import
`answer_notes`, and `usage` for the usage that envelopes record. The port and the adapter of usage
claims import `usage_claim`.
"""
