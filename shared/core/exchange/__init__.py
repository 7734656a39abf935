"""The decisions about an exchange, without I/O: inputs in, actions out.

    machine      the exchange: a method for each input, which returns actions
    ending       its last part: the conclusion, and the end of the response after it
    state        the states, and which inputs lead from one to the next
    actions      what the shell (shared.relay) carries out
    rules        what the settings allow an exchange
    reply        what the client is sent: headers, body, and an error as far as HTTP still allows it
    client_body  which bytes of the response may go to the client
    early_response  what the client is promised if it is answered before the upstream is
    early_body   which bytes go to the client after an early response
    error_frame  an error as an event of a stream that has begun
    response_end what the end of a response says, and the outcome that follows from it
    conclusion   the outcome and the failure of an exchange, for its record
    failures     the meaning of each failure to the client and to the record

It imports from wire, records, api_errors and shared.errors; nothing in core imports from here.
"""
