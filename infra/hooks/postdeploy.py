"""azd's hook after it has deployed the code: checks that the app has every function.

Azure accepts an incomplete package without an error. The app then starts, finds no function, and
answers 404 to every call.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import azure
import deployed

ROOT: Final = Path(__file__).resolve().parents[2]
# About five minutes, in which the host starts and reports its functions.
ATTEMPTS: Final = int(os.environ.get("FNSSE_HOOK_ATTEMPTS", "40"))


def main() -> None:
    """Wait for the functions, or end azd with those that are missing."""
    expected = set(functions_in_code())
    try:
        apps = deployed.resource_ids("Microsoft.Web/sites")
    except azure.CommandFailed as failure:
        sys.exit(f"postdeploy: {failure}. Sign in (`az login`) and run `azd deploy` again")
    if len(apps) != 1:
        sys.exit(f"postdeploy: found {len(apps)} function apps of this environment, not one")
    missing = wait_for(expected, apps[0])
    if missing:
        sys.exit(
            f"postdeploy: {len(missing)} of {len(expected)} functions are not in the app: "
            f"{', '.join(sorted(missing))}. Calls of them are answered 404. What to do: "
            "docs/how-to/deploy.md, What is deployed"
        )
    print(f"postdeploy: the app has all {len(expected)} functions")


def functions_in_code() -> Iterator[str]:
    """The names that the triggers give their functions."""
    for file in sorted((ROOT / "blueprints").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "function_name"
            ):
                yield str(ast.literal_eval(node.args[0]))


def wait_for(expected: set[str], app: str) -> set[str]:
    """The functions that the app still lacks when the time is over."""
    missing = expected
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(4 * azure.PAUSE_S)
        try:
            missing = expected - functions_in_app(app)
        except azure.CommandFailed:  # the host does not answer while it starts
            continue
        if not missing:
            break
    return missing


def functions_in_app(app: str) -> set[str]:
    """The functions that the app has reported. Raises CommandFailed if Azure cannot be asked."""
    response = azure.rest("get", f"{deployed.ARM}{app}/functions?api-version=2024-04-01")
    return {str(function["name"]).rpartition("/")[2] for function in response["value"]}


if __name__ == "__main__":
    main()
