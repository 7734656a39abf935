"""Which requests can ask for a stream in their JSON body, and whether they do.

Bodies in JSON are examined whichever operation they call, unknown ones included: load balancers cut
silent streams of new operations too. Uploads in parts and binary bodies pass unexamined.
"""

from __future__ import annotations

from shared.core.wire.http.headers import is_json
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.operations import BodyExamination, OperationSpec


def is_examined(operation: OperationSpec, method: str, content_type: str) -> bool:
    """Whether the relay holds the body and looks into it before it calls the upstream."""
    if operation.body_examination is BodyExamination.ALWAYS:
        return True
    return (
        method == "POST"
        and operation.body_examination is BodyExamination.IF_JSON
        and is_json(content_type)
    )


def stream_without_body(operation: OperationSpec, query_value: str | None) -> bool | None:
    """Whether a request asks for a stream; None if only its body says it. `query_value` is that of
    `stream` in its query.
    """
    if operation.stream_in_query:
        return query_value == "true"
    return False if operation.body_examination is BodyExamination.NEVER else None


def requests_stream(document: JsonObject, operation: OperationSpec) -> bool:
    """Whether a parsed request body asks for a stream. `"true"` and 1 do not."""
    member = operation.stream_member
    value = document.get(member.name)
    return type(value) is type(member.value) and value == member.value
