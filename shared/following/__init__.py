"""Following: the app asks how a background response ended, if no caller does.

In: the messages of the queue of follow-ups that are due. Enrichment puts one there when the event
of a create call is accepted. Out: a capture and an envelope of an exchange of its own, which
enrichment delivers as any other (`operation: responses.followed`).

    follower            polls the responses that are due, and postpones or ends each follow-up
    followed_exchanges  stores the exchange that records how the response ended
    followed_envelope   builds the envelope of that exchange: pure

`shared.core.decisions.polling` decides whether and when to poll again. blueprints/following calls
it, function_app.py gives it its adapters.

May import: shared.core, shared.concurrency, shared.ports, shared.errors. No adapter and no other
use case.
"""
