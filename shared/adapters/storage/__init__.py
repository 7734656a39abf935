"""The storage account: its clients, its calls, and its errors.

In: an account's connection string or addresses. Out: clients of blobs and queues, whose calls are
bounded in time and number, and raise StorageError.

    account         the account's clients, and the bound on their calls
    direct_storage  the calls of every exchange, without the SDK's pipeline
    http_calls      the HTTP calls under them
    backoff         the wait before the next try of a call
    errors          translates the exceptions of the SDK and the network

It imports `shared.core`, `shared.settings` and `shared.errors`; of the adapters `http_client` and
`identity`. The adapters `blobs`, `queues` and `ledger` import it.
"""
