"""`make events`: prints the events of an Event Hub as they arrive.

    __main__    the command line
    printer     prints the events that match a filter
    feed        the events of a run's Event Hub, as they arrive
    text        an event in a line, in its first keys, and in a file
    colour      colours of the terminal

Other commands show events with `feed`, `text` and `colour` as well.
"""
