"""Dead letters on real Kafka: what waits behind them, replay, skip, and a record that Kafka itself refuses."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from liandong.cli import dlq as dlq_commands
from liandong.cli.main import app
from liandong.errors import ConfigError
from liandong.settings import Settings
from liandong.stream.dlq import DeadLetters
from typer.testing import CliRunner

from tests.support import mill

from .engines import engine_of, running, wait
from .support import Bench


@pytest.fixture
def bench(settings: Callable[..., Settings], tmp_path: Path) -> Iterator[Bench]:
    made = Bench(settings, tmp_path)
    mill.BROKEN.clear()
    yield made
    made.stop_all()


def knot(bench: Bench, *numbers: int, key: str = "k") -> None:
    """Send items to the topic whose keys wait behind a dead letter."""
    for number in numbers:
        bench.put(mill.KNOT, mill.Item(key, number, ""), id=f"{key}-{number}", sequence=number)
    bench.flush()


def knots(bench: Bench, key: str = "k") -> tuple[int, ...]:
    state = bench.state("knot", 4).get(key)
    return state.numbers if state else ()


def test_later_events_of_a_key_wait_and_are_drained_in_order_after_a_replay(bench: Bench) -> None:
    mill.BROKEN.update((2, 4))
    with running(engine_of(bench)) as errors:
        knot(bench, 1, 2, 3, 4, 5)
        knot(bench, 1, key="other")
        wait("the other key went on", lambda: knots(bench, "other") == (1,) and knots(bench) == (1,), errors)
        desk = DeadLetters(bench.base, "mill", bench.codec)
        wait("three wait", lambda: [letter.waiting for letter in desk.open()] == [3], errors)
    with running(engine_of(bench, "b")) as errors:  # the letters survive a move to another instance
        (letter,) = desk.open()
        assert "handler bug" in letter.error
        desk.order([letter], replay=True)
        (again,) = desk.wait([letter], 20)
        assert (again.name, again.record.attempts, again.waiting) == (letter.name, 2, 3)
        mill.BROKEN.discard(2)
        desk.order([again], replay=True)
        wait("2 and 3", lambda: knots(bench) == (1, 2, 3), errors)
        (fourth,) = wait("4 is a letter now", desk.open, errors)
        assert (fourth.record.offset, fourth.waiting) == (letter.record.offset + 2, 1)
        with pytest.raises(ConfigError, match="not an open dead letter"):
            desk.find([letter.name])
        desk.order([fourth], replay=False)
        wait("5", lambda: knots(bench) == (1, 2, 3, 5), errors)
        knot(bench, 6)
        wait("6", lambda: knots(bench) == (1, 2, 3, 5, 6), errors)
        assert desk.open() == []
    numbers = [event.data.number for event in bench.events(mill.TALLY) if event.key == "k"]
    assert numbers == [1, 2, 3, 5, 6]


def test_a_letter_of_a_topic_that_goes_on_is_replayed_once(bench: Bench) -> None:
    """Its sequence was passed long ago; that it was replayed is remembered by its id."""
    bench.put(mill.ITEM, mill.Item("k1", -1, "b0"), id="bad")
    bench.feed(20, keys=2)
    bench.flush()
    with running(engine_of(bench)) as errors:
        wait("all counted", bench.all_counted, errors)
        desk = DeadLetters(bench.base, "mill", bench.codec)
        (letter,) = wait("one letter", desk.open, errors)
        desk.order([letter], replay=True)
        (again,) = desk.wait([letter], 20)
        assert again.record.attempts == 2
        desk.order([again], replay=False)
        assert desk.wait([again], 20) == []


def test_the_commands_list_show_replay_and_skip(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANDONG_BOOTSTRAP", bench.base.bootstrap)
    monkeypatch.setenv("LIANDONG_WORLD", bench.base.world)
    monkeypatch.setattr(dlq_commands, "codec_of", lambda _: bench.codec)

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, ["dlq", *words], catch_exceptions=False)
        return result.output

    mill.BROKEN.update((1, 2))
    with running(engine_of(bench)) as errors:
        knot(bench, 1, 3)
        knot(bench, 2, key="other")
        desk = DeadLetters(bench.base, "mill", bench.codec)
        wait("two letters", lambda: len(desk.open()) == 2, errors)
        wait("one waits", lambda: {one.waiting for one in desk.open()} == {0, 1}, errors)
        name = next(one.name for one in desk.open() if one.record.key == b"k")
        assert "HANDLER_FAILED" in call("list", "mill")
        shown = json.loads(call("show", "mill", name))
        assert (shown["key"], shown["value"]["number"], shown["error"]) == ("k", 1, "RuntimeError('handler bug')")
        assert "failed again" in call("replay", "mill", name)
        mill.BROKEN.discard(1)
        assert "1 of 1 replayed" in call("replay", "mill", name)
        wait("drained", lambda: knots(bench) == (1, 3), errors)
        assert "1 of 1 skipped" in call("skip", "mill", "--all")
        assert "no open dead letters" in call("list", "mill")
        with pytest.raises(ConfigError, match="name the dead letters"):
            call("skip", "mill")


@pytest.mark.parametrize("hazard", ["too large", "topic gone"])
def test_a_record_that_kafka_refuses_is_found_and_the_rest_flows(bench: Bench, hazard: str) -> None:
    knots_before = 40
    with running(engine_of(bench)) as errors:
        wait("ready", lambda: bench.changelog("knot") in bench.admin.list_topics(timeout=10).topics, errors)
        if hazard == "too large":
            bench.limit(bench.wire(mill.BINNED), 300)
        else:
            bench.admin.delete_topics([bench.wire(mill.BINNED)])[bench.wire(mill.BINNED)].result(30)
        knot(bench, *range(1, knots_before))
        bench.share("b1", 7, "x" * 4000 if hazard == "too large" else "")
        knot(bench, knots_before, knots_before + 1)
        desk = DeadLetters(bench.base, "mill", bench.codec)
        (letter,) = wait("one letter", desk.open, errors, 60)
        assert letter.record.reason == "REFUSED_BY_KAFKA"
        wait("the rest", lambda: len(knots(bench)) == knots_before + 1, errors)
        assert bench.state("bin", 2) == {}
