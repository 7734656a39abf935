"""Enrichment: an envelope and its captures become an event on the Event Hub.

In: the messages of the envelope queue, and of its poison queue. Out: events; dead letters of
exchanges that can never be delivered; one log line for each group of events.

`message_handler` takes a message of the queue, and `enrichment` delivers each of its envelopes.
`stored_captures` reads what storage has of an exchange, `assembly` builds an event away from the
event loop, `delivery_log` writes the log lines, `poison_handler` handles the messages that
enrichment failed on. blueprints/enrichment calls them,
function_app.py gives them their adapters.

May import: shared.core, shared.concurrency, shared.settings, shared.errors. No adapter and no other
use case.
"""
