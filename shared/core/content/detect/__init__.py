"""The search for personal data and secrets in texts.

Texts and an operator's patterns enter; redacted texts and counts by kind leave.

    detector    the base class of detectors, and the protocol of an analyzer
    checks      check digits of numbers
    contacts    e-mail addresses, phone numbers, IP addresses
    accounts    IBANs and payment cards
    identities  national identity numbers
    secrets     keys, tokens, connection strings, private keys
    custom      the operator's patterns and words
    redactor    replaces the findings of all of them, and counts them

Every pattern is one of RE2, whose time grows with the text and nothing else. It may import
`shared.errors` alone.
"""
