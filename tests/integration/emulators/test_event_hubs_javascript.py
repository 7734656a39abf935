"""The Event Hubs emulator's own tests, which Node.js runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from local.stack.commands import event_hubs_command

DEADLINE_S = 60


def test_the_emulators_own_tests_pass() -> None:
    node, script = event_hubs_command()
    command = [node, "--test", "--test-timeout=20000", f"{Path(script).parent}/tests/"]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert result.returncode == 0, result.stdout
    assert "# fail 0\n" in result.stdout
    assert "# pass 0\n" not in result.stdout
