"""SL 651-2014 水文监测数据通信规约, HEX/BCD form: frames, bodies, streams, packets. ASCII form is not read."""

from cityframes.sl651.body import Message, read
from cityframes.sl651.encode import answer, command, confirm, link_body, report_body, uplink
from cityframes.sl651.frame import End, Frame, Packet, build, decode
from cityframes.sl651.packets import Assembler
from cityframes.sl651.stream import Framer
from cityframes.sl651.tables import ELEMENTS, FUNCTIONS, STATION_CLASSES, STATUS_BITS, Element

__all__ = [
    "ELEMENTS",
    "FUNCTIONS",
    "STATION_CLASSES",
    "STATUS_BITS",
    "Assembler",
    "Element",
    "End",
    "Frame",
    "Framer",
    "Message",
    "Packet",
    "answer",
    "build",
    "command",
    "confirm",
    "decode",
    "link_body",
    "read",
    "report_body",
    "uplink",
]
