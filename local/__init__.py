"""Tools for development: everything that fnsse needs around it, on one machine. Never deployed.

    run, options, console, demonstration,   `make run`: starts a stack, makes two calls and shows
    event_feed, addresses, folder,          their events
    reachable
    outages           keeps the parts alive, and takes them away for a drill
    drill/            `make drill`: rehearses outages on a running `make run`
    operate/          `make reconcile`, `make replay`, `make erase`: start a run, follow it
    export/           `make export`: captured exchanges as an evaluation data set
    running           how other commands find a `make run`
    doctor/           what is wrong with a machine or a deployment: `make doctor`
    stack/            the stack as a library: starts, watches and ends all parts
    event_schema      writes docs/event.schema.json from the event's types

Imports: `stack` starts the emulators by their command lines and imports none of them. `run` and the
modules next to it build on `stack`, and read the app's settings with shared.settings. Nothing here
imports tests, prove, bench or harness, and no deployed module imports local.
"""
