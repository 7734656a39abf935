"""`make run`: starts a stack, makes two calls, shows their events, and serves until Ctrl-C.

    __main__        the run
    options         the command line
    console         the terminal: the run's own lines, and the problems that parts report
    addresses       the addresses of all parts, and how to use them
    demonstration   two calls through the proxy, and their events
    outages         keeps the parts alive, and takes them away for a drill

The parts themselves are started and watched by `local.stack`.
"""
