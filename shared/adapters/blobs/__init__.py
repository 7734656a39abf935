"""The records that have one blob each: captures, small JSON objects, the content policy, a lease.

In: the records of `shared.core`, the bytes of captures, and parsed JSON. Out: blobs, and the same
again, byte for byte.

    captures      captures, under the hour of their exchange
    json_blobs    small JSON objects, by name
    usage_claims  claims on the usage of background responses
    policy_blob   reads the blob of the content policy
    start_lease   a lease that one holder has over all instances

It imports `shared.core`, `shared.ports`, `shared.settings` and `shared.errors`; of the
adapters `storage`.
"""
