"""The local stack as a library: `with Stack() as stack: ...` starts all of fnsse on free ports."""

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
