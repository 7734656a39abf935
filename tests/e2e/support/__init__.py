"""What the end-to-end tests share: a client that sees every byte, the stand-in's record, and the
events that arrive.
"""
