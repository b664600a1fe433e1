"""One way to put bytes into every protocol's decoder, and seals that let changed contents get past the envelope."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cityframes import FrameError, crc, framing, gb26875, hj212, sl651, szy206
from cityframes.gb26875.view import LineCodec as Gb26875
from cityframes.hj212.view import LineCodec as Hj212
from cityframes.lines import LineCodec, print_line
from cityframes.sl651.view import LineCodec as Sl651
from cityframes.szy206.view import LineCodec as Szy206

from tests.unit.frames import packets, samples


class Subject(NamedTuple):
    """One protocol: its published frames, decoder, framer, the part that a check sum covers, and its seal."""

    name: str
    frames: list[bytes]
    decode: Callable[[bytes], Any]
    framer: Callable[[], framing.Framer[Any]]
    inside: Callable[[bytes], bytes]
    seal: Callable[[bytes], bytes]
    lines: Callable[[], LineCodec]
    line: Callable[[bytes], str]
    tail: bytes = b""


def _seal_sl651(text: bytes) -> bytes:
    """Return a frame with right length and check sum around all between them."""
    if len(text) < 13:
        text = text.ljust(13, b"\x00")
    size = max(0, len(text) - 13)
    raw = b"~~" + text[:9] + (((text[9] & 0xF0) << 8) | size & 0xFFF).to_bytes(2) + text[11:]
    return raw + crc.modbus(raw).to_bytes(2)


def whole(subject: Subject, raw: bytes) -> None:
    """Decode one frame and print it as the command line does; AssertionError for a result of no known kind."""
    found = subject.lines().decode(subject.line(raw))
    assert print_line(found).startswith('{"ok": ')
    if isinstance(found, FrameError):
        assert found.detail


def _read(module: Any) -> Callable[[bytes], Any]:
    def decode(raw: bytes) -> Any:
        frame = module.decode(raw)
        return frame if isinstance(frame, FrameError) else module.read(frame)

    return decode


SUBJECTS = [
    Subject(
        "hj212", [*packets.HJ212, packets.MODBUS.encode(), packets.WRONG_SUM.encode()], _read(hj212), hj212.Framer,
        lambda raw: raw[6:-4], packets.seal_hj212, Hj212, lambda raw: raw.decode("utf-8", "surrogateescape"), b"\r\n",
    ),
    Subject(
        "sl651", samples.PUBLISHED, _read(sl651), sl651.Framer, lambda raw: raw[2:-2], _seal_sl651, Sl651, bytes.hex
    ),
    Subject(
        "szy206", packets.SZY206, _read(szy206), szy206.Framer, lambda raw: raw[3:-2],
        lambda text: packets.seal_szy206(text[:255]), Szy206, bytes.hex,
    ),
    Subject(
        "gb26875", packets.GB26875, _read(gb26875), gb26875.Framer, lambda raw: raw[2:-3], packets.seal_gb26875,
        Gb26875, bytes.hex,
    ),
]  # fmt: skip
