"""Finding personal data and secrets in texts.

    detector    what a detector is
    checks      check digits of numbers
    contacts    e-mail addresses, phone numbers, IP addresses
    accounts    IBANs and payment cards
    identities  national identity numbers
    secrets     keys, tokens, connection strings, private keys
    custom      the operator's patterns and words
    analysis    what may find more than patterns can
    redactor    replaces what all of them find, and counts it

Every pattern is one of RE2, whose time grows with the text and nothing else. Nothing here imports
from the rest of the app, but shared.errors.
"""
