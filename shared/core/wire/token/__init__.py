"""The claims of a caller's Entra token, and the keys that its tenant publishes.

Header values, payloads whose signature holds, and JSON documents enter; decisions as values leave.
Pure: no clock, no network, no cryptography. It imports nothing of the app.

    caller_token    a token's place in a request, its key, and the identity that its claims name
    published_keys  who issues a tenant's tokens, and the keys that sign them
"""
