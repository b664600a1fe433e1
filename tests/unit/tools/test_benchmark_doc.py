from tools.benchmark_doc import codec, replaced

RESULT = {
    "case": "codec",
    "date": "2026-07-08",
    "machine": "m",
    "cases": [
        {
            "name": "one",
            "rows": [{"name": "a", "decode_us": 1.0, "decode_ratio": 1.0, "encode_us": 2.0, "encode_ratio": 1.0}],
        }
    ],
}


def test_one_section_is_replaced_and_the_others_stay() -> None:
    once = replaced("# Benchmarks\n\nWords.\n\n## stream\n\nOld.\n\n## pipeline\n\nKept.\n", "stream", "New.")
    assert [line for line in once.splitlines() if line.startswith("## ")] == ["## pipeline", "## stream"]
    assert "Kept." in once
    assert "New." in once
    assert "Old." not in once
    assert replaced(once, "stream", "New.") == once


def test_a_section_of_the_codec_has_a_table_for_each_case() -> None:
    assert "| a | 1.0 | 1.0 | 2.0 | 1.0 |" in codec(RESULT)
