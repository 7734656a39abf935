"""Finds what an ended `make run` left behind: processes that inherited a variable, and taken ports.
`.ci/run` calls it.

    python -m local.leftovers FNSSE_CI_RUN=4711
"""

from __future__ import annotations

import sys

from local.stack.ports import Ports, is_free
from local.stack.processes import command_of, processes_with


def leftovers(variable: str, value: str, ports: Ports) -> list[str]:
    """A line for each process whose environment has the variable, and for each taken port."""
    processes = [f"process {pid}: {command_of(pid)}" for pid in processes_with(variable, value)]
    taken = [f"port {port} ({name})" for name, port in ports.by_name().items() if not is_free(port)]
    return processes + taken


def main(assignment: str) -> int:
    """Print what is left of the run with `VARIABLE=VALUE`; the exit status, 1 if anything is."""
    variable, _, value = assignment.partition("=")
    found = leftovers(variable, value, Ports())
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
