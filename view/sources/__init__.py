"""Where the view reads: the Event Hub's events, and captures in Blob storage.

* `event_hub`: a consumer, as any other.
* `captures`: reads captures.
* `captured_events`: the events of captured exchanges, built again.
* `credentials`: the identity of azure-identity.
"""
