"""The table of operations: every row has a route, a golden case, a row in the docs, and a route in
the stand-in.
"""

from __future__ import annotations

import json
import re

import pytest

from emulators.azure_openai.app import StandInApp
from emulators.azure_openai.directives import Directives
from emulators.azure_openai.http_response import StandInResponse
from emulators.azure_openai.recording import ExchangeRecording
from emulators.azure_openai.request import Request
from local.repository import ROOT
from shared.core.wire.operations import (
    CALL,
    OPERATIONS,
    BodyExamination,
    OperationSpec,
    ReaderKind,
    spec_of,
)
from shared.core.wire.request.routing import Operation, route
from shared.core.wire.stream.stream_end import DONE, MARKS, ends_stream, reports_error
from shared.core.wire.stream.stream_scan import scan
from tests import golden

DOCS = ROOT / "docs" / "reference" / "api-operations.md"
ROWS = [*OPERATIONS, CALL]
CASES = [golden.load(name) for name in golden.names()]

of_each_row = pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)
of_each_operation = pytest.mark.parametrize("spec", OPERATIONS, ids=lambda spec: spec.name)

of_each_call_of_a_caller = pytest.mark.parametrize(
    "spec", [spec for spec in OPERATIONS if not spec.is_own_call], ids=lambda spec: spec.name
)


@of_each_row
def test_a_row_is_found_by_its_name(spec: OperationSpec) -> None:
    assert spec_of(spec.name) is spec


def test_a_name_without_a_row_is_a_call() -> None:
    """An envelope of a version that knew more operations can still be read."""
    assert spec_of("something.new") is CALL


def test_no_two_rows_share_a_name_or_a_route() -> None:
    assert len({spec.name for spec in ROWS}) == len(ROWS)
    routed = [spec for spec in ROWS if not spec.is_own_call]
    assert len({(spec.method, spec.route) for spec in routed}) == len(routed)


@of_each_call_of_a_caller
def test_method_and_route_lead_to_the_row(spec: OperationSpec) -> None:
    assert spec.method is not None
    assert spec.route is not None
    routed = route(spec.method, f"/openai/v1/{spec.route.format('id')}")
    assert isinstance(routed, Operation)
    assert routed.spec is spec


@of_each_row
def test_every_row_has_a_golden_case(spec: OperationSpec) -> None:
    """Its request calls the operation. `call` is what all other requests become, so their cases
    need not agree with a route.
    """
    cases = [case for case in CASES if case.envelope.operation == spec.name]
    assert cases, f"no case in tests/golden/cases has the operation {spec.name}"
    for case in cases:
        if case.request is None or spec is CALL:
            continue
        routed = route(str(case.request.header["method"]), str(case.request.header["path"]))
        assert isinstance(routed, Operation)
        assert routed.spec is spec


@of_each_row
def test_only_calls_have_no_reader(
    spec: OperationSpec,
) -> None:
    """The response of a `call` is not parsed."""
    assert (spec.reader is ReaderKind.NONE) == (spec.event_type == "call")


@of_each_row
def test_the_last_event_of_a_stream_is_found_in_its_bytes(spec: OperationSpec) -> None:
    """Without it a stream of an operation whose end is known was cut."""
    ends = [f'{{"type":"{kind}"}}' for kind in spec.last_events]
    for data in [*ends, *([DONE] if spec.ends_with_done else [])]:
        cut = b'data: {"type":"other"}\n\n'
        assert scan(cut + f"data: {data}\n\n".encode()).finished
        assert not scan(cut).finished
    assert spec.stream_end_is_known == (spec.ends_with_done or bool(spec.last_events))
    assert all(ends_stream({"type": kind}) for kind in spec.last_events)


@of_each_row
def test_an_event_that_reports_a_failure_is_one_of_the_last(spec: OperationSpec) -> None:
    assert spec.failure_events <= spec.last_events
    for kind in spec.failure_events:
        assert reports_error({"type": kind})
        assert any(mark.search(f'{{"type":"{kind}"}}'.encode()) for mark in MARKS)


@of_each_row
def test_the_docs_have_the_row(spec: OperationSpec) -> None:
    """Add what this test prints to docs/reference/api-operations.md."""
    assert docs_row(spec) in DOCS.read_text("utf-8").splitlines()


def test_the_docs_have_no_other_row() -> None:
    rows = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == [docs_row(spec) for spec in ROWS]


def test_the_docs_name_the_operations_of_evaluation_rows() -> None:
    """They stand in docs/reference/evaluation-rows.md, under what is left out."""
    page = (ROOT / "docs" / "reference" / "evaluation-rows.md").read_text("utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("* Operations other than")]
    assert re.findall(r"`([^`]+)`", line) == [spec.name for spec in OPERATIONS if spec.is_evaluated]


@pytest.mark.anyio
@of_each_operation
async def test_the_stand_in_answers_the_operation(spec: OperationSpec) -> None:
    """The stand-in answers with the operation's own shape, not with the echo for unknown ones."""
    app = StandInApp(ExchangeRecording(), Directives())
    created = await ask(app, "POST", "responses", {"background": True})
    assert isinstance(created.body, bytes)
    assert spec.method is not None
    assert spec.route is not None
    path = spec.route.format(json.loads(created.body)["id"])
    response = await ask(app, spec.method, path, {})
    assert response.status == 200
    assert not isinstance(response.body, bytes) or b"stand_in.echo" not in response.body


async def ask(app: StandInApp, method: str, path: str, more: dict[str, object]) -> StandInResponse:
    """The stand-in's answer to a small request, without a connection."""
    body = json.dumps({"model": "m", "input": "a", "prompt": "a", "messages": []} | more).encode()
    target = f"/openai/v1/{path}"
    headers = [("api-key", "k"), ("content-type", "application/json")]
    recorded = ExchangeRecording().begin(method, target, "1.1", headers)
    recorded.record_request_piece(body)
    request = Request(
        method=method,
        target=target,
        headers=headers,
        keep_alive=True,
        chunking=True,
        body=bytearray(body),
        exchange=recorded,
    )
    return (await app.reply(request)).response


def docs_row(spec: OperationSpec) -> str:
    """The operation's row in the docs, as its row in the table has it."""
    cells = (
        f"`{spec.name}`",
        _call(spec),
        f"`{spec.event_type}`" + (", `stream_completion`" if _may_generate_stream(spec) else ""),
        f"`{spec.prompt_member}`" if spec.prompt_member else "",
        _stream(spec),
        _usage(spec),
    )
    return f"| {' | '.join(cells)} |".replace("{}", "{id}")


def _call(spec: OperationSpec) -> str:
    if not spec.route:
        return "any other"
    call = f"`{spec.method} {spec.route}`"
    return f"the app's own {call}" if spec.is_own_call else call


def _stream(spec: OperationSpec) -> str:
    if spec.stream_in_query:
        return f"`?stream=true`; {_last_events(spec)}"
    if spec.method not in {"POST", None} or spec.body_examination is BodyExamination.NEVER:
        return ""
    name, value = spec.stream_member
    return f"`{json.dumps({name: value})[1:-1]}`; {_last_events(spec)}"


def _last_events(spec: OperationSpec) -> str:
    ends = [*([DONE] if spec.ends_with_done else []), *sorted(spec.last_events)]
    return f"ends with {' or '.join(f'`{end}`' for end in ends)}" if ends else "its end is unknown"


def _usage(spec: OperationSpec) -> str:
    if spec.repeats_usage:
        return "repeats that of the response"
    if spec.accepts_stream_options:
        return "may be asked for; else estimated"
    return "as sent; else estimated" if _may_generate_stream(spec) else "as sent"


def _may_generate_stream(spec: OperationSpec) -> bool:
    return spec.generates_text and spec.body_examination is not BodyExamination.NEVER
