"""The proxy's own error responses, in Azure OpenAI's shape: an OpenAI SDK raises them as its own
exceptions.

The reason for an error enters; an ApiError leaves, which a response can send.

    api_error        an error: its status, its code, its message
    exchange_errors  errors with which an exchange ends
    caller_errors    errors of calls that are rejected because of their token
    operator_errors  errors of what operators call

A function makes each error; docs/reference/errors.md lists them. It imports shared.core.wire;
core.exchange and the HTTP routes import it.
"""
