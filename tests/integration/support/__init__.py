"""Modules that several folders of integration tests use.

    exchanges           the relay between a scripted client, an upstream and stores in memory
    served_relay        the relay on a real HTTP server and real sockets
    tiny_server         a server of a few lines that can stall, break off and send malformed HTTP
    misbehaviour        how a dependency misbehaves once it has accepted a connection
    azurite             the app's storage adapters on an Azurite
    event_deliveries    makes the delivery of events from its parts
    stores              the ports of enrichment in memory, a class for each
    skipping_loop       an event loop with a clock of its own, which never waits
    loop_turns          how much an event loop does before it serves others

A module that one folder alone uses is in that folder.
"""
