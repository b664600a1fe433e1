from tools.benchmark_doc import codec, replaced, stream

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


def test_the_stream_section_shows_ratios_and_only_what_was_run() -> None:
    run = {"events": 10, "per_cpu_s": 200, "warm_per_cpu_s": 210, "per_s": 90}
    runs = {"liandong": [run], "other": [run | {"per_cpu_s": 100}]}
    throughput = {"runs": runs, "median_per_cpu_s": {"liandong": 200, "other": 100}}
    text = stream({"date": "2031-07-20", "machine": "a machine", "throughput": throughput})
    assert "| other | 1 | 10 | 100 | 210 | 90 | 2.00 |" in text
    assert "restore" not in text
