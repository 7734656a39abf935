"""Enrichment: an envelope and its captures become an event on the Event Hub.

In: the messages of the envelope queue, and of its poison queue. Out: events; dead letters of
exchanges that can never be delivered; one log line for each group of events.

`message_handler` takes a message of the queue, and `event_delivery` delivers each of its envelopes
after `event_preparation` has read, built and claimed it. `stored_captures` reads the captures of an
exchange. `assembly` builds the event: in place, or in a child process (`assembly_process`;
`analyzer_process` with an analyzer beside the detectors). `assembled_event` redacts, prices and
truncates it; `assembly_failure` reports why there is none. `retention_marks` marks the hours whose
captures expire early. `delivery_log` writes the log lines, `poison_handler` handles the messages
that enrichment failed on. blueprints/enrichment calls them, function_app.py gives them their
adapters.

May import: shared.core, shared.concurrency, shared.ports, shared.settings, shared.errors. No
adapter and no other use case.
"""
