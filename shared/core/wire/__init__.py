"""The bytes on the wire, and what they mean.

What enters is bytes of a request or a response, cut anywhere, or raw headers. What leaves is what
may be forwarded, what the relay has to know of a body, and decoded events and JSON.

    request, stream  >  http  >  json
        >  operations, steps, content_mode, token, model_router  >  gen_ai

* `request` finds out what a request calls and asks for.
* `stream` decodes server-sent events and finds out how a response ended.
* `http` knows headers, codings and uploads, and which headers are forwarded.
* `json` reads JSON of any shape, and holds what an event may show of it.
* `operations` is the table of the API's operations: a row for each.
* `gen_ai` holds the operations of OpenTelemetry's conventions, to which the rows refer.
* `model_router` knows the names of Azure's model router.
* `content_mode` names the content modes.
* `token` reads the claims of a caller's token.
* `steps` holds computations that pause, so that an event loop can serve others.

A package imports from those to its right only. All of the app may import this one; it imports
nothing but shared.errors.
"""
