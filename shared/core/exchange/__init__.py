"""What the relay decides about an exchange, without I/O: inputs in, actions out.

`machine` holds the states; `actions` what the shell (shared.relay) carries out; `client_body` which
bytes of the answer may go to the client; `failures` what each failure means to the client and to
the record. It imports from wire, records and api_error; nothing in core imports from here.
"""
