"""The local stack as a library: `with Stack() as stack: ...` starts all of fnsse on free ports.

* `app_folder`: a folder that a Functions host serves the app from.
* `commands`: the command of each part, and the check that it serves.
* `environment`: the settings that the functions host starts with.
* `errors`: errors of the local stack.
* `part`: a part: its process, its output, its readiness.
* `ports`: the ports of a stack, chosen and checked.
* `processes`: queries the machine's processes.
* `readiness`: checks that a part serves.
* `stack`: the whole of fnsse on one machine, as `with Stack() as stack:`.
* `storage`: Azurite's account, and the queues and containers that the app expects.
* `supervisor`: starts parts in order, detects when one dies, and ends all of them.
* `watchdog`: ends the processes of a stack as soon as its supervisor has ended, even by kill -9.
"""

from __future__ import annotations

from local.stack.environment import read_settings_file
from local.stack.errors import PartDied, PartNotReady, PortsTaken, StackError, ToolMissing
from local.stack.part import StackPart
from local.stack.ports import Ports, free_ports
from local.stack.stack import FunctionsHost, Stack

__all__ = [
    "FunctionsHost",
    "PartDied",
    "PartNotReady",
    "Ports",
    "PortsTaken",
    "Stack",
    "StackError",
    "StackPart",
    "ToolMissing",
    "free_ports",
    "read_settings_file",
]
