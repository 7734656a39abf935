"""The decision how much of an exchange's content is recorded, and the search for personal data.

In: the operator's policy as JSON, the mode that a caller asks for, and texts. Out: the mode of an
exchange, and texts in which personal data and secrets are replaced.

`decision.decide` is called once for each exchange, when it begins. Its result travels in the
headers of the captures and in the envelope; everything that writes or reads a capture obeys it.

    policy     the operator's rules, read from JSON
    decision   from the policy and the caller's request to the mode of one exchange
    detect     finds personal data and secrets in texts, and replaces them

It may import `shared.core.wire` and `shared.errors`.
"""
