"""The adapters of blobs, queues and the ledger.

They call an Azurite, or, for failures that Azurite does not have, servers of a few lines on real
sockets. `counting_proxy` in front of the Azurite counts the calls of a whole exchange.
"""
