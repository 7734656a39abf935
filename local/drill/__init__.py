"""`make drill STORAGE=60 EVENT_HUB=120`: rehearse outages on a running `make run`.

Takes storage and the Event Hub away one after the other, calls the proxy all the while, shows what
users and `/health/ready` see, names the alerts that Azure would raise, and waits until the event of
every call has arrived.

    __main__    the command line
    rehearsal   the outages and the calls
    client      the HTTP calls of the proxy
    alerts      the alert rules that notice an outage
    summary     the result, in words
"""
