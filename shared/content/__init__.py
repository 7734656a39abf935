"""The content policy in force: that of a setting, or of a blob that may change while the app runs.

The bytes of the blob enter; the policy, the patterns to redact and a reason for degradation leave.

    policy_source   the protocol of a policy, and its form for a policy in a setting
    policy_renewal  the policy in a blob, read again and again in the background

The package imports core, concurrency, ports and errors alone.
"""
