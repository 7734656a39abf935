"""Enrichment: each envelope becomes one event that the Event Hub accepted, or a dead letter.

Events are assembled in a real child process, the sender is the real SDK against the Event Hubs
emulator, and the poison queue is in an Azurite.
"""
