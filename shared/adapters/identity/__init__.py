"""Identities in Entra: the app's own, and a caller's.

In: the settings of the upstream and of the tenant; a caller's token. Out: credentials that give
headers and tokens, and the verified claims of the caller's token.

    credentials  the app's key or managed identity, and its tokens
    entra        the keys of a callers' tenant, and the verification of tokens

It imports `shared.concurrency`, `shared.core`, `shared.settings` and `shared.errors`, and no
other adapter.
"""
