"""Completeness: every exchange that was accepted is delivered, listed or erased, and never lost.

Reconcile, replay, erasure, expiry and dead letters run against an Azurite, with instances that are
killed in between. The Event Hub is a stand-in that counts events. `test_later_deliveries` has
its stores in memory: it tries every outcome with every kind of later delivery.
"""
