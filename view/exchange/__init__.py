"""The view of one exchange, computed from its event and captures. Pure.

* `row`: the figures that a table shows and a filter compares.
* `received_event`: an event as the Event Hub hands it over.
* `precedence`: which of two events of an exchange counts.
* `timeline`: when what happened.
* `trace`: the id of its trace.
* `usage`: figures and where they come from.
* `price`: what it costs.
* `capture_view`: what was captured, events of a stream with their times.
* `curl`: the call as a command line.
* `evaluation`: the exchange as a row of an evaluation data set.
"""
