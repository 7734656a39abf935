"""The decisions about an exchange, without I/O.

What client, upstream, clock and storage do enters as inputs; actions leave, and the conclusion.

    machine         the exchange: a method for each input, which returns actions
    ending          its last part: the conclusion, and the end of the response after it
    state           the states, and which inputs lead from one to the next
    actions         the actions that the runner (shared.relay) carries out
    rules           the rules that settings make for an exchange
    reply           the reply to the client: headers, body, an error if HTTP still allows one
    client_body     the bytes of the response that may go to the client
    early_response  the response to a client that is answered before the upstream has answered
    late_error      an error after the response has begun: its JSON in the forms it can take
    conclusion      how an exchange ended, and how complete its response is, for its record
    failures        the meaning of each failure to the client and to the record

It imports from wire, records, api_errors and shared.errors; nothing in core imports from here.
"""
