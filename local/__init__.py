"""Tools for development: everything that fnsse needs around it, on one machine. Never deployed.

    run/                `make run`: starts a stack, makes two calls and shows their events
    events/             `make events`, and how all commands show events
    ask                 `make ask`
    running, folder     how other commands find a `make run`; the folder of a run's files
    app_access          the address of a running app, and the headers that authenticate
    reachable           which dependencies the app cannot reach, and what to do
    repository          where the repository is
    drill/              `make drill`: rehearses outages on a running `make run`
    operate/            `make reconcile`, `make replay`, `make erase`: start a run, follow it
    export/             `make export`: captured exchanges as an evaluation data set
    doctor/             `make doctor`: what is wrong with a machine or a deployment
    cost/               `make cost`: of exchanges, and of fnsse itself
    rates/              makes the prices in rates/
    content_policy      `make policy`: reads a content policy as the app would
    event_schema        `make schema`: writes docs/event.schema.json from the event's types
    leftovers           what an ended `make run` left behind, for .ci/run
    commit_messages     the rules of commit messages, for the hook and for pull requests
    proved_commit       whether the proofs were measured on the code of a tag
    stack/              the stack as a library: starts, watches and ends all parts

Imports: `stack` starts the emulators by their command lines and imports none of them. The commands
build on `stack`, and read the app's settings with shared.settings. Nothing here imports tests,
prove, bench or harness, and no deployed module imports local.
"""
