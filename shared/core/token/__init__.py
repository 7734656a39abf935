"""The claims of a caller's Entra token, and the keys that its tenant publishes.

Header values, payloads whose signature holds, and JSON documents enter; decisions as values leave.
Pure: no clock, no network, no cryptography. It imports nothing of the app.
"""
