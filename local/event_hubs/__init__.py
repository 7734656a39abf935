"""An Event Hubs emulator: an AMQP 1.0 server on Apache Qpid Proton for the real azure-eventhub SDK.

`python -m local.event_hubs --help` starts it. It keeps events in memory only, and only the newest
of each partition (see partition_log.py). It checks no credentials and listens on 127.0.0.1 alone.

    server.py             sockets: asyncio in front of Proton's engine, in one event loop
    frame_padding.py      makes Proton's output readable for the SDK
    links.py              which address leads to what
    producer_link.py      publications in: size limit, behaviour (accept, reject, stall, unwanted)
    consumer_link.py      events out: start position, credit, bounded buffers
    request_links.py      request/response nodes: $cbs and $management
    management.py         the responses of $management
    publication.py        a publication's bytes -> events
    partition_log.py      the events of a partition, in order, bounded
    start_position.py     where a consumer starts
    consumer_groups.py    which consumer reads which partition
    namespace.py          hubs, behaviour and counters
    control.py            the HTTP control port
    amqp_encoding.py      the few AMQP encodings that are read and written as bytes
"""
