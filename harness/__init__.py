"""Tools that drive and observe a stack from outside.

They are a client that sees every byte, the upstream's record of its calls, the events that arrive,
the queue of envelopes, the check that nothing private is printed, the processes that a test starts
by themselves (Functions host, stand-in, Event Hubs emulator, Azurite), and a stand-in for Microsoft
Entra.

`tests` and `prove` both build on it, and do not import each other. It imports `local` and `shared`
only. Nothing here is deployed.
"""
