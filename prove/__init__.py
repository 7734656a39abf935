"""Proofs that nothing is lost.

Each proof injects faults into a real stack (`testbed`) under the load of its clients (`load`). Then
it runs reconcile, and compares the clients' observations with the captures, the ledger and the
events on the Event Hub (`comparison`). `python -m prove --list` lists the proofs (`catalogue`).

Two are about something else: `hostile` about what hostile clients and a hostile upstream do to
others, `planted` about where secrets of prompts, answers and headers turn up.

It imports harness, local and shared. prove/tests holds shortened proofs, and the unit tests of the
modules here.
"""
