"""The stand-in's directives: how pace, shape and failure are asked for."""

from __future__ import annotations

import pytest

from emulators.azure_openai.directives import DirectiveError, Directives, parse, split_deployment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Directives()),
        ("chunk_ms=20", Directives(chunk_ms=20)),
        ("status=429; retry_after=7", Directives(status=429, retry_after=7)),
        ("status=429,retry_after=7", Directives(status=429, retry_after=7)),
        (" crlf ;; cut=5 ;", Directives(crlf=True, cut=5)),
        ("gzip=false", Directives()),
        ("reset_after=0", Directives(reset_after=0)),
        ("region=", Directives(region="")),
        ("region=West US", Directives(region="West US")),
        ("error_in_200", Directives(error_in_200="nested")),
        ("error_in_200=flat", Directives(error_in_200="flat")),
        ("set_cookie", Directives(set_cookie="1")),
    ],
)
def test_reads_keys_with_and_without_values(text: str, expected: Directives) -> None:
    """`key=value` and bare keys, parted by `;` or `,`, blanks ignored."""
    assert parse(text) == expected


def test_a_directive_that_is_not_given_keeps_its_default() -> None:
    """A header is read over the deployment's directives, those over the defaults."""
    assert parse("chunks=3", parse("chunks=9,chunk_ms=5")) == Directives(chunks=3, chunk_ms=5)


@pytest.mark.parametrize(
    "text",
    ["pace=3", "chunks", "chunks=many", "chunks=-1", "crlf=maybe", "error_in_200=odd", "model"],
)
def test_a_mistake_is_named(text: str) -> None:
    """An unknown directive or a wrong value raises and names the directive."""
    with pytest.raises(DirectiveError, match=text.partition("=")[0]):
        parse(text)


def test_a_deployment_holds_directives_after_two_dashes() -> None:
    """The text before `--` is the deployment."""
    assert split_deployment("gpt-4o--status=429,retry_after=7") == (
        "gpt-4o",
        "status=429,retry_after=7",
    )
    assert split_deployment("gpt-4o") == ("gpt-4o", "")
