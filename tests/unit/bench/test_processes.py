"""Which process of a Functions host runs the app's code."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.processes import Process, worker_of


def test_the_worker_of_the_embedded_host() -> None:
    """The embedded hosts worker is the child of its supervisor."""
    assert (
        worker_of(
            [
                Process(pid=1, parent=0, program="python"),
                Process(pid=2, parent=1, program="python3.13"),
            ]
        )
        == 2
    )


def test_the_real_hosts_worker_is_the_python_below_its_host() -> None:
    assert (
        worker_of(
            [
                Process(pid=1, parent=0, program="func"),
                Process(pid=2, parent=1, program="python3.13"),
            ]
        )
        == 2
    )


@pytest.mark.parametrize("programs", [["func"], ["func", "python", "python"]])
def test_no_worker_or_several_give_no_numbers(programs: list[str]) -> None:
    with pytest.raises(BenchError, match="expected one worker"):
        worker_of(
            [
                Process(pid=pid, parent=0, program=program)
                for pid, program in enumerate(programs, start=1)
            ]
        )
