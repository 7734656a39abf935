"""What a request calls, and what it asks for.

    routing           the operation that a request calls, or why the proxy does not relay it
    stream_request    whether a JSON body can ask for a stream, and whether it does
    usage_request     puts `stream_options.include_usage` into a body

The relay asks this of every request, before its first byte goes upstream.
"""
