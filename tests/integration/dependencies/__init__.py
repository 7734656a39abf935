"""Dependencies that accept a connection and then stall, break it off or trickle.

Every wait of the table `tests/support/waits.py` ends within its bound, through a proxy in front of
real parts: Azurite, the Event Hubs emulator, servers on sockets. Readiness reports them.
"""
