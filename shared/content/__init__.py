"""The content policy in force: that of a setting, or of a blob that may change while the app runs.

The bytes of the blob enter; the policy, the patterns to redact and a reason for degradation leave.

    policy_source  the protocol, a policy in a setting, and one in a blob that is read again

The package imports core, concurrency, ports and errors alone.
"""
