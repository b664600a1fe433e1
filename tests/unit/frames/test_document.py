"""The reference page is what the tables of the codecs say, and no tolerance or code is missing in it."""

from pathlib import Path

from cityframes import gb26875, hj212, sl651, szy206
from cityframes.document import markdown
from cityframes.tolerances import TOLERANCES, choose, defaults

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "protocols.md"


def test_the_reference_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run `make gen`"


def test_every_code_is_in_it() -> None:
    text = markdown()
    for code in (*hj212.COMMANDS, *hj212.FACTORS, *(f"{one:02X}" for one in (*sl651.FUNCTIONS, *szy206.AFNS))):
        assert f"| {code} |" in text
    for kind in gb26875.TYPES:
        assert f"| {kind} |" in text
    for one in TOLERANCES:
        assert f"| `{one.name}` |" in text


def test_tolerances_are_chosen_by_name() -> None:
    usual = defaults("hj212")
    assert "modbus_crc" not in usual
    assert choose("hj212", "") == usual
    assert choose("hj212", "modbus_crc,-lowercase_crc") == usual - {"lowercase_crc"} | {"modbus_crc"}
    assert choose("hj212", "none, lowercase_crc") == {"lowercase_crc"}
    assert choose("szy206", "all") > defaults("szy206")
