"""Tools for development: everything that fnsse needs around it, on one machine. Never deployed.

    run, options,       `make run`: starts a stack, makes two calls and shows their events
    console, addresses,
    demonstration,
    folder, reachable
    event_feed          the events of a run's Event Hub, as they arrive
    event_text, colour  an event in a line and in its first keys; colours of a terminal
    running             how other commands find a `make run`
    app_access          the address of a running app, and the headers that authenticate
    repository          where the repository is
    ask, events         `make ask`, `make events`
    outages             keeps the parts alive, and takes them away for a drill
    drill/              `make drill`: rehearses outages on a running `make run`
    operate/            `make reconcile`, `make replay`, `make erase`: start a run, follow it
    export/             `make export`: captured exchanges as an evaluation data set
    doctor/             `make doctor`: what is wrong with a machine or a deployment
    cost, own_cost      `make cost`: of exchanges, and of fnsse itself
    rates/              makes the prices in rates/
    content_policy      `make policy`: reads a content policy as the app would
    event_schema        `make schema`: writes docs/event.schema.json from the event's types
    stack/              the stack as a library: starts, watches and ends all parts

Imports: `stack` starts the emulators by their command lines and imports none of them. `run` and the
modules next to it build on `stack`, and read the app's settings with shared.settings. Nothing here
imports tests, prove, bench or harness, and no deployed module imports local.
"""
