"""Parts of responses that all HTTP routes of the app share.

In: a request, its response, an ApiError. Out: responses of Starlette, and the ids of exchanges.

    exchange_ids        the id of an exchange that starts now
    error_response      an error of the proxy itself, as a whole response
    releasing_response  a response that makes the worker library release its references to a request

It imports `shared.core`. Blueprints, use cases and the adapter of the worker library import it.
"""
