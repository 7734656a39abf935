"""The operation that a request calls, and the form of response that it asks for.

Method, path and the bytes of a JSON body enter. A row of the table, the decision whether to relay,
and the parts of a changed body leave.

    routing           the operation that a request calls, or why the proxy does not relay it
    stream_request    whether a JSON body can ask for a stream, and whether it does
    usage_request     puts `stream_options.include_usage` into a body

The relay asks this of every request, before its first byte goes upstream. It imports http, json,
operations, steps and shared.errors.
"""
