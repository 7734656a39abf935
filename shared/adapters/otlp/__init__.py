"""The collector of OpenTelemetry.

In: the spans, points and events of `shared.core.telemetry`. Out: OTLP over HTTP.

    export  exports spans and metrics
    events  exports the events that hold prompt and answer

It imports `shared.core` and `shared.settings`, and no other adapter. OpenTelemetry
takes long to load, so function_app.py imports this package only if a collector is set.
"""
