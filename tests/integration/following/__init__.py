"""Background responses that the app follows to their end, and whose usage is counted once.

Follow-ups and claims are in an Azurite; the upstream is scripted.
"""
