"""The command line of local.run."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.run.options import parse
from local.stack import StackError


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "7 1", "1" * 5000, "\u0667"])
def test_an_invalid_port_is_named_by_its_variable(text: str) -> None:
    with pytest.raises(StackError) as error:
        parse([f"--blob-port={text}"])
    assert (
        str(error.value)
        == f"BLOB_PORT (--blob-port) must be a port, a number from 1 to 65535, and not {text!r}"
    )


def test_no_host_no_demonstration() -> None:
    """Without a functions host there is nothing to demonstrate."""
    options = parse(["--functions-host", "none"])
    assert (options.make_target, options.demo) == ("parts", False)


def test_the_default_folder() -> None:
    """The folder is the repositorys own unless another is named."""
    assert parse([]).folder == Path(".local")
