"""What the view shows of one exchange, computed from its event and captures. Pure.

* `row`: the figures that a table shows and a filter compares.
* `conversation`: prompt and answer as messages.
"""
