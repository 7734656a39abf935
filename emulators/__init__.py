"""Imitations of the services that fnsse needs, for one machine without Azure. Never deployed.

Each runs as a process of its own, so that a test can kill it:

    functions_host/   Azure Functions: hosts the app with Microsoft's own worker library, Durable
                      Functions included. `func start` of Core Tools is the real host
    event_hubs/       Azure Event Hubs: accepts and hands out events of the real SDK, over AMQP. In
                      JavaScript: see its README.md
    azure_openai/     Azure OpenAI: a stand-in that answers in Azure's shapes and fails on request
    azurite/          Azure Storage: Microsoft's own emulator, as a pinned npm package
    http_upgrade      what the two HTTP servers share: no request upgrades its connection

`local.stack` starts them for `make run` and for tests, `harness` starts them one by one.

Imports: the emulators do not import each other. functions_host uses the app's storage client
(shared.adapters). Nothing here imports local, harness, bench, tests or prove; `local` imports
nothing of this package, and no deployed module does.
"""
