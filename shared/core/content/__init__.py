"""Whether the content of an exchange may be recorded: its prompt, its answer, and what is in them.

`decision.decide` is called once for each exchange, when it begins. Its result travels in the
headers of the captures and in the envelope; whoever writes or reads a capture obeys that.

    mode       the modes, from the loosest to the strictest
    policy     the operator's rules, read from JSON
    decision   from the policy and the caller's wish to the mode of one exchange

It may import `shared.core.wire`, `detect` and `shared.errors`.
"""
