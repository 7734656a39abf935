"""Which requests can be answered before the upstream has answered, and with what; the body of a
stream after such an early response: uncoded, and without a byte order mark.
"""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import pytest

from harness.cutting import every_way
from shared.core.exchange.early_response import EarlyBody, EarlyResponse, early_response
from shared.core.wire.operations import CALL, OPERATIONS, OperationSpec
from shared.core.wire.steps import run_to_end
from shared.errors import UpstreamInterrupted

DOCS = Path(__file__).resolve().parents[4] / "docs" / "reference" / "api-operations.md"
ROWS = [*OPERATIONS, CALL]
# A model works on these, and their response is JSON unless a stream was asked for.
DOCUMENTS = re.findall(
    r"^\* `([\w.]+)`",
    DOCS.read_text("utf-8").partition("## JSON that can be kept alive")[2],
    re.MULTILINE,
)

of_each_row = pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)


@of_each_row
def test_a_request_for_a_stream_is_promised_one(spec: OperationSpec) -> None:
    """The operation does not matter."""
    assert early_response(spec, stream_requested=True) is EarlyResponse.STREAM


@of_each_row
def test_json_is_promised_where_nothing_else_can_come(spec: OperationSpec) -> None:
    """docs/reference/api-operations.md lists the operations. None responds with sound, files or
    texts.
    """
    promise = early_response(spec, stream_requested=False)
    assert promise is (EarlyResponse.DOCUMENT if spec.name in DOCUMENTS else None)


@of_each_row
def test_an_unread_request_is_promised_nothing(spec: OperationSpec) -> None:
    """A form is passed on unread, and a body in an unknown coding cannot be read."""
    assert early_response(spec, stream_requested=None) is None


BOM = b"\xef\xbb\xbf"
EVENTS = b'data: {"choices": []}\n\n' * 20 + b"data: [DONE]\n\n"


def gzip_bytes(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def raw_deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


BODIES = {
    "uncoded": ("", EVENTS),
    "identity": ("identity", EVENTS),
    "after a BOM": ("", BOM + EVENTS),
    "gzip": ("gzip", gzip_bytes(EVENTS)),
    "gzip, a BOM within": ("gzip", gzip_bytes(BOM + EVENTS)),
    "x-gzip in capitals": ("X-GZIP", gzip_bytes(EVENTS)),
    "two members": ("gzip", gzip_bytes(EVENTS[:50]) + gzip_bytes(EVENTS[50:])),
    "padded with zeros": ("gzip", gzip_bytes(EVENTS) + b"\0" * 100),
    "followed by something else": ("gzip", gzip_bytes(EVENTS) + b"trailer"),
    "deflate": ("deflate", zlib.compress(EVENTS)),
    "deflate without a header": ("deflate", raw_deflated(EVENTS)),
}


@pytest.mark.parametrize(("coding", "body"), BODIES.values(), ids=BODIES)
def test_the_client_gets_the_events(coding: str, body: bytes) -> None:
    """Their bytes may be cut anywhere, and have any coding."""
    for pieces in every_way(body):
        early = EarlyBody(coding, holds_back=False)
        sent = b"".join(map(early.feed, pieces)) + early.flush()
        assert (sent, early.is_whole) == (EVENTS, True)
    early = EarlyBody(coding, holds_back=False)
    assert run_to_end(early.feed_steps(body)) + early.flush() == EVENTS


@pytest.mark.parametrize("start", [b"", BOM[:1], BOM[:2], BOM[:2] + b"x", b"x" + BOM])
def test_what_is_not_a_byte_order_mark_passes(start: bytes) -> None:
    """Its first bytes could begin one."""
    for pieces in every_way(start):
        early = EarlyBody("", holds_back=False)
        assert b"".join(map(early.feed, pieces)) + early.flush() == start


@pytest.mark.parametrize("missing", [1, 8, 30])
def test_a_coding_without_its_end_is_not_whole(missing: int) -> None:
    """Otherwise a stream that broke off would end as if nothing was missing."""
    for pieces in every_way(gzip_bytes(EVENTS)[:-missing]):
        early = EarlyBody("gzip", holds_back=False)
        for piece in pieces:
            early.feed(piece)
        assert not early.is_whole


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", EVENTS), ("gzip", b"\x1f\x8b" + EVENTS), ("gzip", gzip_bytes(b"\0" * 8_000_000))],
    ids=["not gzip", "damaged", "unfolds into too much"],
)
def test_a_malformed_coding_interrupts(coding: str, body: bytes) -> None:
    """The client cannot be sent the rest."""
    with pytest.raises(UpstreamInterrupted, match="content coding"):
        EarlyBody(coding, holds_back=False).feed(body)
