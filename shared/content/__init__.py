"""The content policy that counts now: by a setting, or by a blob that may change while the app
runs.

    policy_source   what the relay and enrichment ask, and its form for a policy in a setting
    policy_renewal  the policy in a blob, read again and again in the background

`policy_renewal` states what it needs of storage as a protocol. The package imports core,
concurrency and errors alone.
"""
