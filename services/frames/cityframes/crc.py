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
