"""Frames of the other protocols for the tests: published ones as literals, and seals for changed ones."""

from cityframes import crc

# HJ 212: published packets, without CR LF
INTERVAL = (
    "##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&1C80"
)
OLD = (
    "##0136ST=32;CN=2011;PW=000000;MN=LD130133000015;CP=&&DataTime=20160824003817;011-Rtd=231.0,011-Flag=N;"
    "B01-Rtd=36.91;060-Rtd=1.803,060-Flag=N&&1dc0"
)
AIR = (
    "##0453QN=20160801085000001;ST=22;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=7;CP=&&DataTime=20160801084000;"
    "a21005-Rtd=1.1,a21005-Flag=N;a21004-Rtd=112,a21004-Flag=N;a21026-Rtd=58,a21026-Flag=N;LA-td=50.1,LA-Flag=N;"
    "a34004-Rtd=207,a34004-Flag=N;a34002-Rtd=295,a34002-Flag=N;a01001-Rtd=12.6,a01001-Flag=N;a01002-Rtd=32,a01002-Flag=N;"
    "a01006-Rtd=101.02,a01006-Flag=N;a01007-Rtd=2.1,a01007-Flag=N;a01008-Rtd=120,a01008-Flag=N;"
    "a34001-Rtd=217,a34001-Flag=N;&&c0c1"
)
AIR_ANSWER = "##0087QN=20160801085000001;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;Flag=4;CP=&&&&C241"
STRAY = (
    "##0218ST=32;CN=2011;PW=123456;,MN=88888881234567;FLAG=0;CP=&&DataTime=20180306120000;001-Rtd=6.951,001-Flag=N;"
    "060-Rtd=23.400,060-Flag=N;011-Rtd=134.119,011-Flag=N;B01-Rtd=382.222,B01-Flag=N;B00-Rtd=156720160.000,B00-Flag=N"
    "&&2940"
)
NUMBERED = (
    "##0204QN=20191112091100598;ST=31;CN=2051;PW=123456;MN=14513567846884;PNO=0002;PNUM=0002;CP=&&DataTime=20191112090000;"
    "a01006-Avg=101.85,a01006-Min=101.84,a01006-Max=101.87,a01006-ValidNum=10,a01006-TotalNum=10&&2800"
)
MODBUS = (
    "##0124QN=20170302150101001;ST=22;CN=2051;PW=123456;MN=AQHJ0QP0100001;Flag=3;CP=&&BeginTime=20170302000000,"
    "EndTime=20170303000000&&0137"
)
WRONG_SUM = (
    "##0136ST=32;CN=2011;PW=123456;MN=LD130133000015;CP=&&DataTime=20160824003817;B01-Rtd=36.91;011-Rtd=231.0,011-Flag=N;"
    "060-Rtd=1.803,060-Flag=N&&4980"
)
HJ212 = [text.encode() for text in (INTERVAL, OLD, AIR, AIR_ANSWER, STRAY, NUMBERED)]

# GB/T 26875.3: published frames
CONFIRM = bytes.fromhex("40 40 01 00 01 01 23 3A 09 1A 09 0C 38 5B 01 00 00 00 79 03 00 00 00 00 00 00 03 AB 23 23")
DENY = bytes.fromhex("40 40 01 00 01 01 23 3A 09 1A 09 0C 38 5B 01 00 00 00 79 03 00 00 00 00 00 00 06 AE 23 23")
STATE = bytes.fromhex(
    "40 40 01 00 01 01 20 3A 09 1A 09 0C 79 03 00 00 00 00 38 5B 01 00 00 00 09 00 02 15 01 08 02 3A 09 1A 09 0C 42"
    "23 23"
)
CLOCK = bytes.fromhex(
    "40 40 01 00 01 01 20 3A 09 1A 09 0C 38 5B 01 00 00 00 79 03 00 00 00 00 08 00 01 5A 01 02 3A 09 1A 09 0C 7D23 23"
)
ROLL_CALL = bytes.fromhex(
    "40 40 01 00 01 01 20 3A 09 1A 09 0C 38 5B 01 00 00 00 79 03 00 00 00 00 03 00 01 5B 01 0A 0F 23 23"
)
HEARTBEAT = bytes.fromhex(
    "40 40 01 00 01 20 00 00 00 00 00 00 B2 23 96 60 40 01 00 00 00 00 00 00 03 00 02 15 01 01 4A 23 23"
)
COMPONENT = bytes.fromhex(
    "40 40 00 00 01 01 18 0d 11 16 0a 14 00 00 00 00 00 00 00 00 00 00 00 00 30 00 02 02 01 01 03 00 d9 00 06 00 02 00"
    "a3 c1 c7 f8 a3 b1 b2 e3 df c8 b2 b8 d7 df c0 c8 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 30 12 13 01 08 14 53"
    "23 23"
)
GB26875 = [CONFIRM, DENY, STATE, CLOCK, ROLL_CALL, HEARTBEAT, COMPONENT]

# SZY 206: published frames
METER = bytes.fromhex("681A68B35303810D00C00059000000826110000001106000004508090A3516")
METER_ALONE = bytes.fromhex("681568B34406070001C0AAAAAAAAAA004040000000000101E516")
SZY206 = [METER, METER_ALONE]


def seal_hj212(segment: bytes) -> bytes:
    """Return a packet with right length and check sum around a data segment."""
    return b"##%04d" % len(segment) + segment + b"%04X" % crc.hj212(segment) + b"\r\n"


def seal_gb26875(text: bytes) -> bytes:
    """Return a frame with a right sum around control unit and data."""
    return b"@@" + text + bytes([crc.gb26875(text)]) + b"##"


def seal_szy206(text: bytes) -> bytes:
    """Return a frame with right length and check sum around control byte, address and data."""
    return bytes([0x68, len(text), 0x68]) + text + bytes([crc.szy206(text), 0x16])
