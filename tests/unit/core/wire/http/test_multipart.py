"""Forms: what the event holds of an upload."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.event import request_summary
from shared.core.wire.http import multipart

TYPE = "multipart/form-data; boundary=b1"


def _form(*parts: tuple[str, bytes]) -> bytes:
    return (
        b"".join(b"--b1\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts)
        + b"--b1--\r\n"
    )


_FILE = (
    'Content-Disposition: form-data; name="file"; filename="a b.wav"\r\nContent-Type: audio/wav',
    b"\r\n--b2\r\n\x00\xff",
)
_PROMPT = ('content-disposition: form-data; name="prompt"', "καλημέρα\r\n".encode())


def test_a_file_is_described_by_name_type_size_and_hash() -> None:
    """Its bytes may hold line ends and other boundaries."""
    form = multipart.read(_form(_FILE, _PROMPT), TYPE)
    digest = hashlib.sha256(_FILE[1]).hexdigest()
    assert form.problem is None
    assert form.fields[0] == multipart.FormField(
        name="file",
        bytes=len(_FILE[1]),
        sha256=digest,
        filename="a b.wav",
        content_type="audio/wav",
    )
    assert form.texts == {"prompt": "καλημέρα\r\n"}


def test_only_prompt_and_parameters_of_a_form_reach_the_event() -> None:
    """An unknown field is shown by its size alone."""
    other = ('Content-Disposition: form-data; name="anything"', b"private words")
    temperature = ('Content-Disposition: form-data; name="temperature"', b"0.5")
    question = request_summary.parse(
        _form(_FILE, _PROMPT, other, temperature), "audio.transcriptions", TYPE
    )
    assert question.prompt == "καλημέρα\r\n"
    assert question.parameters == {"temperature": 0.5}
    assert "private words" not in repr(question)


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        (_form(_FILE), "multipart/form-data", "no boundary"),
        (_form(_FILE)[:-10], TYPE, "closing boundary"),
        (b"", TYPE, "closing boundary"),
        (_form(*[_PROMPT] * 300), TYPE, "more than 256 fields"),
    ],
)
def test_a_form_that_is_broken_says_so(body: bytes, content_type: str, problem: str) -> None:
    """The problem is reported beside the fields that could be read."""
    assert problem in (multipart.read(body, content_type).problem or "")


@given(
    contents=st.lists(
        st.binary(max_size=60).filter(lambda content: b"--b1" not in content), max_size=5
    )
)
def test_every_part_is_found_with_its_exact_bytes(contents: list[bytes]) -> None:
    """Parts of any bytes are found, as long as they do not contain the boundary."""
    parts = [
        (f'Content-Disposition: form-data; name="f"; filename="{at}"', body)
        for at, body in enumerate(contents)
    ]
    form = multipart.read(_form(*parts), TYPE)
    assert [field.sha256 for field in form.fields] == [
        hashlib.sha256(body).hexdigest() for body in contents
    ]


@given(body=st.binary(max_size=200), content_type=st.text(max_size=60))
def test_no_bytes_raise(body: bytes, content_type: str) -> None:
    """A form is read as far as it goes."""
    multipart.read(body, content_type)
    multipart.read(b"--b1\r\n" + body + b"\r\n--b1", TYPE)


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ("form-data; name=file; filename=speech.wav", "file", "speech.wav"),
        ("form-data; name=file; filename=my speech.wav", "file", "my speech.wav"),
        ("form-data;filename=a.wav;name=file", "file", "a.wav"),
        ('form-data; NAME = "file"; FileName = "a.wav"', "file", "a.wav"),
        ("form-data; name=\"file\"; filename*=UTF-8''%e6%bc%a2.wav", "file", "漢.wav"),
        ("form-data; name=\"file\"; filename*=iso-8859-1'en'%A3.wav", "file", "£.wav"),
        ("form-data; name=file; filename=_.wav; filename*=utf-8''%E6%BC%A2.wav", "file", "漢.wav"),
        ("form-data; name=file; filename*=utf-8''%E6%BC%A2.wav; filename=_.wav", "file", "漢.wav"),
        ("form-data; name=file; filename*=nonsense''a.wav", "file", "nonsense''a.wav"),
        ("form-data; name=file; filename*=a.wav", "file", "a.wav"),
        ('form-data; name=file; filename="=?utf-8?B?5ryiLndhdg==?="', "file", "漢.wav"),
        ('form-data; name=file; filename="=?nonsense?B?5ryi?="', "file", "=?nonsense?B?5ryi?="),
        ('form-data; name="a\\"b"; filename="c\\\\d"', 'a"b', "c\\d"),
        ('form-data; name="file"; filename=""', "file", ""),
        ('form-data; name="x; filename=y"; filename="z"', "x; filename=y", "z"),
    ],
)
def test_a_file_is_known_however_its_names_are_written(
    disposition: str, name: str, filename: str
) -> None:
    """.NET writes no quotes, and a name beyond ASCII as an encoded word beside `filename*`."""
    head = f"Content-Type: audio/wav\r\nContent-Disposition: {disposition}"
    (field,) = multipart.read(_form((head, b"RIFF")), TYPE).fields
    assert (field.name, field.filename) == (name, filename)
    assert (field.sha256, field.content_type) == (hashlib.sha256(b"RIFF").hexdigest(), "audio/wav")


@pytest.mark.parametrize(
    ("content_type", "is_file"),
    [
        ("audio/wav", True),
        ("application/octet-stream", True),
        ("text/plain; charset=utf-8", False),
        ("Text/Plain", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_part_without_a_file_name_can_be_a_file(content_type: str, is_file: bool) -> None:
    """It is one if its type is not a text's. Its bytes must not be read as a text."""
    head = 'Content-Disposition: form-data; name="prompt"' + (
        f"\r\nContent-Type: {content_type}" if content_type else ""
    )
    form = multipart.read(_form((head, b"\x00\x01")), TYPE)
    assert (form.fields[0].sha256 is not None) is is_file
    assert ("prompt" in form.texts) is not is_file


def test_a_line_like_the_boundary_is_content() -> None:
    """It begins like the boundary, and goes on after it."""
    content = b"one\r\n--b1x\r\ntwo"
    (field,) = multipart.read(_form((_FILE[0], content)), TYPE).fields
    assert field.bytes == len(content)
