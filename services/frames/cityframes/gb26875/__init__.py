"""GB/T 26875.3-2011 城市消防远程监控系统: frames, application data, streams, answers."""

from cityframes.gb26875.body import Item, Message, Place, read
from cityframes.gb26875.encode import answer, build, confirm, data, deny, roll_call, set_clock
from cityframes.gb26875.frame import CONFIRM, CONTROL, DATA, DENY, REQUEST, RESPONSE, Frame, decode
from cityframes.gb26875.stream import Framer
from cityframes.gb26875.tables import ANALOGS, BITS, COMMANDS, COMPONENTS, SYSTEMS, TYPES, states

__all__ = [
    "ANALOGS",
    "BITS",
    "COMMANDS",
    "COMPONENTS",
    "CONFIRM",
    "CONTROL",
    "DATA",
    "DENY",
    "REQUEST",
    "RESPONSE",
    "SYSTEMS",
    "TYPES",
    "Frame",
    "Framer",
    "Item",
    "Message",
    "Place",
    "answer",
    "build",
    "confirm",
    "data",
    "decode",
    "deny",
    "read",
    "roll_call",
    "set_clock",
    "states",
]
