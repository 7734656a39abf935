"""The page's own tests in JavaScript, which Node.js runs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness.node import PAGE, node
from local.repository import ROOT

_TESTS = sorted((ROOT / "tests" / "unit" / "page").glob("*.test.mjs"))


def test_pure_modules_do_what_their_tests_say() -> None:
    """Node's own runner runs tests/unit/page/*.test.mjs."""
    assert _TESTS
    env = {**os.environ, "PATH": f"{Path(node()).parent}:{os.environ['PATH']}"}
    command = [node(), "--test", *map(str, _TESTS)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=PAGE)
    assert done.returncode == 0, done.stdout + done.stderr
