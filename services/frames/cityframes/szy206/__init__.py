"""SZY 206-2016 水资源监测数据传输规约: frames, data, streams, answers."""

from cityframes.szy206.body import Message, TimeLabel, read
from cityframes.szy206.encode import confirm, label, query, self_report
from cityframes.szy206.frame import Frame, build, decode
from cityframes.szy206.stream import Assembler, Framer
from cityframes.szy206.tables import AFNS, ALARM_BITS, FUNCTIONS, alarms

__all__ = [
    "AFNS",
    "ALARM_BITS",
    "FUNCTIONS",
    "Assembler",
    "Frame",
    "Framer",
    "Message",
    "TimeLabel",
    "alarms",
    "build",
    "confirm",
    "decode",
    "label",
    "query",
    "read",
    "self_report",
]
