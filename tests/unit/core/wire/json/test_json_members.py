"""The scan of a JSON object's members: right about every object, never wrong in another way, and
never long at a stretch.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.core.wire.json.json_members import ScanPace, find_members, first_member_at
from shared.core.wire.operations import spec_of
from shared.core.wire.request.usage_request import examine
from shared.errors import NotAnObject
from tests.unit.core.wire.scanning import MOST_LINES, count_long_scan, count_slices, run

NAMES = frozenset({"a", "stream", "", "\u00fc", 'q"\\'})
MB = 1024 * 1024

names = st.sampled_from(sorted(NAMES)) | st.text(max_size=5)
texts = st.text(alphabet=st.sampled_from('"\\{}[],: \n\u00fcax'), max_size=20) | st.text(
    max_size=20
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
spaces = st.text(alphabet=" \t\r\n", max_size=3)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """The text of an object: any white space, names repeated and escaped or not."""
    members = []
    for _ in range(draw(st.integers(0, 6))):
        name = json.dumps(draw(names), ensure_ascii=draw(st.booleans()))
        value = json.dumps(
            draw(values), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
        )
        members.append(f"{draw(spaces)}{name}{draw(spaces)}:{draw(spaces)}{value}{draw(spaces)}")
    inside = ",".join(members) if members else draw(spaces)
    return f"{draw(spaces)}{{{inside}}}{draw(spaces)}"


@given(objects())
@example('{"a":"\\\\","stream":true}')
@example('{"a":"\\\\\\"","stream":"\\u005c"}')
@example('{"\\u0061":1,"a":[{"a":"}"}]}')
def test_it_finds_what_a_parser_finds(text: str) -> None:
    """Each wanted name with the text of its value; of a repeated one the last; no name that is not
    wanted.
    """
    body = text.encode("utf-8", "surrogatepass")
    spans = run(find_members(body, NAMES))
    parsed = json.loads(body)
    assert spans.keys() == parsed.keys() & NAMES
    for name, span in spans.items():
        value = body[span.start : span.end]
        assert value == value.strip()
        assert repr(json.loads(value)) == repr(parsed[name])  # NaN is not equal to itself


@given(objects(), st.data())
def test_any_bytes_give_members_or_the_one_exception(text: str, data: st.DataObject) -> None:
    """Objects that are truncated, joined, or damaged give members or NotAnObject."""
    body = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\\", b"{"])
        )
    try:
        spans = run(find_members(bytes(body), NAMES))
    except NotAnObject:
        return
    assert all(span.start < span.end <= len(body) for span in spans.values())


NO_OBJECTS = """
[]|1|null|"a"|{|{"a"|{"a":|{"a":1|{"a":1,|{"a":1,}|{,"a":1}|{"a" 1}|{a:1}|{"a":}|{"a":1}}|{"a":1} {"a":1}
|{"a":[}|{"a":"b}|{"a":"b\\"}|{"a":1 "b":2}|\ufeff{}
"""


@pytest.mark.parametrize("text", ["", " ", *NO_OBJECTS.strip().split("|")])
def test_what_is_not_one_whole_object_is_rejected(text: str) -> None:
    """It goes upstream as it came, whose business it is."""
    with pytest.raises(NotAnObject):
        run(find_members(text.encode(), NAMES))


def test_a_body_in_another_encoding_is_rejected() -> None:
    """UTF-16 is not JSON for interchange (RFC 8259, 8.1)."""
    with pytest.raises(NotAnObject):
        run(find_members('{"a":1}'.encode("utf-16"), NAMES))


@given(spaces, objects())
def test_the_first_member_follows_the_brace(space: str, text: str) -> None:
    """Text with a comma that is inserted there becomes part of the object."""
    body = (space + text).encode("utf-8", "surrogatepass")
    at = first_member_at(body)
    comma = b"," if json.loads(body) else b""
    assert (
        json.loads(body[:at] + b'"new":1' + comma + body[at:]) | {} == {"new": 1} | json.loads(body)
        or b"NaN" in body
    )


# (the inside of a body, the least slices that it takes)
LARGE = {
    "one long text": (b'"a":"' + b"word " * (2 * MB) + b'"', 2),  # bytes.find is quick
    "texts full of quotes": (
        b'"a":[' + b",".join([b'{"b":"' + rb"he said \"x\" " * 500 + b'"}'] * 500) + b"]",
        3,
    ),
    "many numbers": (b'"a":[' + b"12345," * MB + b"1]", 75),
    "many small objects": (b'"a":[' + b'{"b":[1,"c"]},' * 10_000 + b"1]", 60),
    "many members": (b",".join(b'"k%d":1' % number for number in range(5_000)), 25),
    "backslashes": (b'"a":"' + b"\\\\" * MB + b'"', 25),
    "white space": (b'"a":' + b" " * (4 * MB) + b"1", 50),
    "a long number": (b'"a":' + b"1" * (4 * MB), 50),
}


@pytest.mark.no_cover
@pytest.mark.parametrize(("inside", "least"), LARGE.values(), ids=LARGE.keys())
def test_no_slice_is_long(inside: bytes, least: int) -> None:
    """A large body of any shape is scanned in so many slices, and none executes more lines than
    usual.
    """
    body = b"{" + inside + b',"stream":true}'
    spans, slices = count_slices(find_members(body, NAMES))
    assert body[spans["stream"].start : spans["stream"].end] == b"true"
    assert slices.count >= least
    assert slices.most_lines < MOST_LINES


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("value", "goes_on", "least"),
    [
        (b"[" * 499 + b"]" * 499, True, 1),
        (b"[" * 501 + b"]" * 501, False, 1),
        (b"[" + b"[]," * 1_500_000 + b"1]", False, 2000),
        (b"[" * 3_000_000, False, 1),
    ],
    ids=["499 deep", "501 deep", "3 million brackets", "3 million deep"],
)
def test_the_scan_gives_up_on_what_no_model_takes(value: bytes, goes_on: bool, least: int) -> None:
    """It is then sent as it came, although a stream was asked for; up to that point it is scanned
    in slices.
    """
    body = b'{"stream":true,"messages":' + value + b"}"
    examined, slices = count_long_scan(examine(body, spec_of("chat.completions"), may_ask=True))
    assert (bool(examined.stream), examined.with_usage_request is not None) == (goes_on, goes_on)
    assert slices.count >= least


@given(objects(), st.integers(1, 5), st.integers(2, 20))
def test_sliced_and_unsliced_find_the_same(text: str, steps: int, window: int) -> None:
    """Windows and slices so small that everything crosses them change nothing but the number of
    pauses.
    """
    body = text.encode("utf-8", "surrogatepass")
    pace = ScanPace(steps=steps, window_bytes=window, find_bytes=window)
    assert run(find_members(body, NAMES, pace)) == run(find_members(body, NAMES))
