"""The effect of hostile clients and a hostile upstream on everybody else.

    attacks      what clients do, by name
    upstream     an upstream that misbehaves as the path of a call says
    bystander    a client that means well: its streams, and the delay of the app's event loop
    resources    the memory of the worker and of its children
    proof        one attack after the other, on one stack, with the bystander beside it

Attacks and upstream are processes of their own, so that their CPU delays no clock of the bystander.
"""
