"""What the app's HTTP routes share.

    exchange_ids    the id of an exchange that starts now
    error_response  an error as the whole response to a call that is not an exchange

It imports from core.
"""
