"""Tools for development: everything that fnsse needs around it, on one machine. Never deployed.

    run, options, console, demonstration,   `make run`: starts a stack, makes two calls and shows
    event_feed, addresses, folder,          their events
    reachable
    outages, drill    keep the parts alive, and take them away: `make drill`
    operate, run_progress  start reconcile, replay and erase, and show how far they are
    running           how other commands find a `make run`
    doctor/           what is wrong with a machine or a deployment: `make doctor`
    stack/            the stack as a library: starts, watches and ends all parts
    functions_host/   an embedded Azure Functions host with Durable Functions; `func start` is the
                      real one
    event_hubs/       an emulator of Event Hubs for the real SDK, in JavaScript: see its README.md
    azure_openai/     a stand-in for Azure OpenAI that fails on request
    event_schema      writes docs/event.schema.json from the event's types

Imports: functions_host, event_hubs and azure_openai each run as a process of its own and do not
import each other; functions_host uses the app's storage client (shared.adapters). `stack` starts
them by their command lines and imports none of them. `run` and the modules next to it build on
`stack`, and read the app's settings with shared.settings. Nothing here imports tests, prove, bench
or harness, and no deployed module imports local.
"""
