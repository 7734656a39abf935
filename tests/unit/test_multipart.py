"""Forms: what an event tells of an upload."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.event import request_summary
from shared.core.wire import multipart

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


def test_a_file_is_told_by_name_type_size_and_hash() -> None:
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


def test_of_the_texts_only_prompt_and_parameters_reach_the_event() -> None:
    """A field that is not known tells its size alone."""
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
    """What could be read is told all the same."""
    assert problem in (multipart.read(body, content_type).problem or "")


@given(
    contents=st.lists(
        st.binary(max_size=60).filter(lambda content: b"--b1" not in content), max_size=5
    )
)
def test_every_part_is_found_with_its_exact_bytes(contents: list[bytes]) -> None:
    """Whatever they are, as long as the boundary is none of them."""
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
