import pytest
from liandong.errors import DecodeError
from liandong.wire.framing import header, schema_id_of


def test_header_is_confluents() -> None:
    assert header(258) == b"\x00\x00\x00\x01\x02"
    assert schema_id_of(header(2**31 - 1) + b"body") == 2**31 - 1


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01body", b'{"json": 1}'])
def test_anything_else_is_bad_framing(value: bytes | None) -> None:
    with pytest.raises(DecodeError) as error:
        schema_id_of(value)
    assert error.value.reason == "BAD_FRAMING"
