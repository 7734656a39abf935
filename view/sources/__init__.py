"""Where the view reads: the Event Hub's events, and captures in Blob storage.

* `event_hub`: a consumer, as any other.
* `captures`: reads captures.
* `credentials`: the identity of azure-identity.
"""
