"""Under load: a slow handler slows the input and not the heap; a handler slower than a transaction loses nothing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from liandong.event import Event
from liandong.settings import Settings
from liandong.stream import Context, Out, Outcome, StreamService
from liandong.stream.build import build_engine
from liandong.stream.tuning import Tuning
from prometheus_client import REGISTRY

from tests.support import mill

from .engines import engine_of, running, wait
from .support import Bench

MIB = 1 << 20


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    yield made
    made.stop_all()


def resident() -> int:
    """Return this process' memory in bytes."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096


def slow_mill(seconds: float, note: str) -> StreamService:
    """Return a service whose handler takes its time and answers with a long note."""
    service = StreamService("mill")
    bins = service.state(mill.Bin, name="bin")

    @service.on(mill.SHARE, mill.Share, state=bins)
    def add(event: Event[mill.Share], state: mill.Bin | None, ctx: Context) -> Outcome[mill.Bin]:
        time.sleep(seconds)
        was = state or mill.Bin(0, 0)
        now = mill.Bin(was.count + 1, was.total + event.data.number)
        return Outcome(now, [Out(mill.BINNED, mill.Binned(event.data.bin, now.count, note))])

    return service


def test_a_slow_handler_slows_the_input_and_not_the_heap(bench: Bench) -> None:
    """80 MiB wait; what may be fetched ahead is 2 MiB."""
    for number in range(2000):
        bench.share(f"b{number % 7}", number, "x" * 40_000, flush=number % 200 == 199)
    tuning = Tuning(fetch_kbytes=2048, send_kbytes=2048)
    service = slow_mill(0.002, "y" * 10_000)
    engine = build_engine(service, bench.settings(data_dir=bench.folder / "a"), bench.codec, tuning=tuning)
    with running(engine) as errors:
        wait("begun", lambda: (bench.state("bin", 2).get("b1") or mill.Bin(0, 0)).count > 5, errors)
        before = peak = resident()

        def all_counted() -> bool:
            nonlocal peak
            peak = max(peak, resident())
            return bool(sum(one.count for one in bench.state("bin", 2).values()) == 2000)

        wait("all counted", all_counted, errors, 60)
    assert peak - before < 40 * MIB


def test_a_handler_slower_than_its_transaction_loses_nothing(bench: Bench) -> None:
    """The broker ends the transaction meanwhile, and so the engine; its next life takes smaller pieces."""
    for number in range(12):
        bench.share("b1", number, "", flush=number == 11)
    settings = bench.settings(instance="a", data_dir=bench.folder / "a")
    for slow in (
        Tuning(transaction_ms=1500, batch=100, group_protocol="classic"),
        Tuning(batch=2, group_protocol="classic"),
    ):
        service = slow_mill(0.3, "")
        with running(build_engine(service, settings, bench.codec, tuning=slow)) as errors:
            done: Any = lambda: errors or bench.state("bin", 2) == {"b1": mill.Bin(12, 66)}  # noqa: E731
            wait("done, or an end", done, [], 60)
        if not errors:
            break
    assert [event.data.count for event in bench.events(mill.BINNED)] == list(range(1, 13))


def test_every_figure_is_measured(bench: Bench) -> None:
    """Throughput, lag, batch size, commit time, restoring, timers, dead letters and state size, each named once."""
    bench.feed(200, bad_share=0.1)
    bench.flush()

    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"liandong_stream_{name}", {"service": "mill"} | labels) or 0.0

    before = {name: value(name) for name in ("events_total", "commits_total", "outputs_total")}
    with running(engine_of(bench)) as errors:
        wait("all counted", bench.all_counted, errors)
        wait("measured", lambda: value("timers_armed") > 0 and value("state_bytes") > 0, errors)
        wait("no lag", lambda: value("lag") == 0, errors)
        assert all(value(name) > known for name, known in before.items())
        assert value("commit_seconds_count") > 0
        assert value("batch_events_sum") > 0
        assert (
            value("dead_letters_total", reason="HANDLER_FAILED") + value("dead_letters_total", reason="BAD_FRAMING") > 0
        )
        assert value("letters_open") == bench.expected.bad
        assert value("restore_left") == value("waiting") == 0
        assert value("partitions", phase="running") == 10
    names = [metric.name for metric in REGISTRY.collect() if metric.name.startswith("liandong_stream")]
    assert len(set(names)) == len(names)
