"""Check sums of the protocols, by tables. They compute; they never compare or judge."""

import struct
from array import array


def _byte_table(polynomial: int) -> list[int]:
    """Return the 256 remainders of a reflected 16-bit polynomial."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return table


def _word_table(polynomial: int) -> "array[int]":
    """Return 65,536 remainders: a whole 16-bit word advances the register in one look-up (128 KB)."""
    table = _byte_table(polynomial)
    return array("H", [(table[word & 0xFF] >> 8) ^ table[(table[word & 0xFF] ^ (word >> 8)) & 0xFF]
                       for word in range(0x1_0000)])  # fmt: skip


_MODBUS_BYTES = _byte_table(0xA001)
_MODBUS_WORDS = _word_table(0xA001)


def modbus(data: bytes | bytearray | memoryview) -> int:
    """Return CRC-16/MODBUS: x16+x15+x2+1 reflected (A001), begin FFFF (SL 651: sent high byte first)."""
    crc = 0xFFFF
    words = _MODBUS_WORDS
    pairs = len(data) >> 1
    for word in struct.unpack_from(f"<{pairs}H", data):
        crc = words[crc ^ word]
    if len(data) & 1:
        crc = (crc >> 8) ^ _MODBUS_BYTES[(crc ^ data[-1]) & 0xFF]
    return crc


_HJ212_WORDS = bytes(
    _MODBUS_BYTES[(_MODBUS_BYTES[word & 0xFF] >> 8) ^ (word >> 8)] >> 8 for word in range(0x1_0000)
)  # register high byte after a whole 16-bit word


def hj212(data: bytes | bytearray | memoryview) -> int:
    """Return the check sum of HJ 212: like CRC-16/MODBUS, but each step drops the low byte of the register.

    Only the high byte of the register is carried on, so 8 bits are the whole state between two bytes.
    """
    high = 0xFF
    words = _HJ212_WORDS
    size = len(data)
    if not size:
        return 0xFFFF
    pairs = (size - 1) >> 1
    for word in struct.unpack_from(f"<{pairs}H", data):
        high = words[high ^ word]
    if not size & 1:
        high = _MODBUS_BYTES[high ^ data[-2]] >> 8
    return _MODBUS_BYTES[high ^ data[-1]]


def _forward_table(polynomial: int) -> bytes:
    """Return the 256 remainders of an 8-bit polynomial, highest bit first."""
    table = bytearray()
    for value in range(256):
        for _ in range(8):
            value = (value << 1) ^ polynomial if value & 0x80 else value << 1
        table.append(value & 0xFF)
    return bytes(table)


_SZY206 = _forward_table(0xE5)


def szy206(data: bytes | bytearray | memoryview) -> int:
    """Return CRC-8 of SZY 206: x8+x7+x6+x5+x2+1 (E5), highest bit first, begin 0."""
    crc = 0
    for byte in data:
        crc = _SZY206[crc ^ byte]
    return crc


def gb26875(data: bytes | bytearray | memoryview) -> int:
    """Return the check sum of GB/T 26875.3: the sum of the bytes, modulo 256."""
    return sum(data) & 0xFF
