"""HJ 212 污染物在线监控(监测)系统数据传输标准, editions 2017 and 2005: packets, parameters, streams, answers."""

from cityframes.hj212.body import Message, moment, read
from cityframes.hj212.encode import accept, answer, build, confirm, data, result, stamp
from cityframes.hj212.frame import Frame, decode
from cityframes.hj212.stream import Framer
from cityframes.hj212.tables import COMMANDS, FACTORS, FLAGS, RESULTS, SUFFIXES, SYSTEMS, factor

__all__ = [
    "COMMANDS",
    "FACTORS",
    "FLAGS",
    "RESULTS",
    "SUFFIXES",
    "SYSTEMS",
    "Frame",
    "Framer",
    "Message",
    "accept",
    "answer",
    "build",
    "confirm",
    "data",
    "decode",
    "factor",
    "moment",
    "read",
    "result",
    "stamp",
]
