"""The app's behaviour, in packages that follow the way of the data.

In: HTTP requests, queue messages and the ticks of timers, from the blueprints; settings, from the
environment. Out: responses to clients, calls of Azure OpenAI, captures and records in storage,
events on the Event Hub.

    function_app > blueprints
                 > relay | enrichment | following | completeness | access | content | health
                   | telemetry | adapters
                 > ports | settings | http | rate_files > core | concurrency > errors

A module imports from its own package and from the layers below it; `core` and `concurrency` do not
import each other. `ports` states as Protocols what the use cases (relay, enrichment, following,
completeness, access, content, health, telemetry) need of the adapters; `function_app.py` gives
them the adapters.
"""
