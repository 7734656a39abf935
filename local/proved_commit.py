"""Whether the proofs were measured on the code of a tag. The workflow *release* asks before it
publishes.

    python -m local.proved_commit v0.1.0
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import Final

PROOF: Final = "docs/explanation/proof.md"
# What a proof is about: a change of it after the measurement is not proved.
PROVED_CODE: Final = ("shared", "blueprints", "function_app.py", "host.json", "requirements.txt")

_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_MEASURED_AT: Final = re.compile(r"^Measured at commit ([0-9a-f]{7,40})(\+?),", re.MULTILINE)


class NotProved(Exception):
    """The proofs say nothing about the tag's code; the message says why."""


def measured_commit(proof: str) -> str:
    """The commit that the page of the proofs names.

    Raises NotProved if it names none, or one with changes that were not committed.
    """
    named = _MEASURED_AT.search(proof)
    if named is None:
        raise NotProved(f"{PROOF} names no commit")
    if named[2]:
        raise NotProved(f"{PROOF} was measured at {named[1]} with changes that were not committed")
    return named[1]


def changed_since_proof(tag: str) -> tuple[str, list[str]]:
    """The measured commit, and the files of PROVED_CODE that differ between it and the tag.
    Comments and docstrings of Python may differ.

    Raises NotProved if the commit is unknown.
    """
    commit = measured_commit(_git("show", f"{tag}:{PROOF}"))
    try:
        changed = _git("diff", "--name-only", "--no-renames", commit, tag, "--", *PROVED_CODE)
    except subprocess.CalledProcessError as error:
        raise NotProved(f"{PROOF} was measured at {commit}, which does not exist here") from error
    return commit, [name for name in changed.splitlines() if _differs(commit, tag, name)]


def _differs(commit: str, tag: str, name: str) -> bool:
    if not name.endswith(".py"):
        return True
    try:
        return _code(_git("show", f"{commit}:{name}")) != _code(_git("show", f"{tag}:{name}"))
    except (subprocess.CalledProcessError, SyntaxError):  # it is not in both, or not Python
        return True


def _code(source: str) -> str:
    """The syntax tree without docstrings; comments and layout are not in it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def main(tag: str) -> int:
    """Print the verdict; the exit status, 1 if the tag is not proved."""
    try:
        commit, changed = changed_since_proof(tag)
    except NotProved as error:
        print(f"{tag} is not proved: {error}. Run make prove.", file=sys.stderr)
        return 1
    if changed:
        print(f"{tag} is not proved: changed since {commit}, where {PROOF} was measured:")
        print("\n".join(f"  {file}" for file in changed))
        print("Run make prove, commit the page, and tag that commit.")
        return 1
    print(f"{tag} has the code of {commit}, where {PROOF} was measured")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
