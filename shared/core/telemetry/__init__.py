"""The spans and metrics of an exchange by OpenTelemetry's conventions, as plain data.

In: an Event and its envelope. Out: values that name everything as the conventions do; the adapter
gives them to OpenTelemetry's SDK without looking at them.

    conventions          the names: operations, instruments, the version that they are from
    exchange_telemetry   what spans and metrics are made of: an exchange, and one delivery
    messages             prompt and answer, if the operator wants them, and the event with them
    trace_context        the W3C traceparent, and ids that an exchange always has
    attributes           the attributes that spans and metrics share
    spans                exchange -> span tree
    metrics              exchange -> points of metrics

May import: core.conversation, core.event, core.records, core.wire. Enrichment's
assembler and shared.telemetry import it.
"""
