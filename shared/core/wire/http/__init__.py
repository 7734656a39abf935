"""HTTP: headers, targets and bodies, as far as they are not JSON or events.

Raw headers, paths and bytes of bodies enter. Headers and targets to forward, decoded bytes and
fields of forms leave.

    headers           raw headers as ASGI has them
    forwarding        the headers that are forwarded in each direction
    forwarding_rules  the tables for that, every row with its reason
    upstream_target   path and query as the upstream gets them
    content_coding    decodes gzip and deflate piece by piece
    multipart         the fields of an upload
    service_address   addresses that may get credentials
    retry_after       the header Retry-After
    fetched_response  a response that the app fetched for itself
    body_start        the kind of body that begins with some bytes

The relay forwards by these; enrichment decodes what is stored as it came. It imports steps.
"""
