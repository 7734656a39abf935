"""The requests of an operator: a replay or an erasure.

Parsed JSON enters; validated requests and receipts leave. An invalid request raises
OperatorRequestError, which names the field and the expected form.

    operator_request   what both requests share
    replay_request     the exchanges that an operator wants delivered again
    erasure_request    the exchanges that an operator wants erased
    erasure_receipt    who erased which exchanges, and which of their data are out of reach

It may import `shared.core.records.exchange`, `shared.core.wire` and `shared.errors`.
"""
