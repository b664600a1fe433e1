"""The figures of an engine, as settings give them."""

import pytest
from liandong.errors import ConfigError
from liandong.settings import Settings
from liandong.stream.tuning import Tuning, consumer_config, producer_config, tuning_of


def test_figures_come_from_the_settings() -> None:
    assert tuning_of(Settings()) == Tuning()
    given = Settings(tuning={"latency_ms": 50, "group_protocol": "classic", "block_cache_bytes": "1000"})
    assert tuning_of(given) == Tuning(latency_ms=50, group_protocol="classic", block_cache_bytes=1000)


@pytest.mark.parametrize("figures", [{"latncy_ms": 50}, {"latency_ms": "soon"}, {"group_protocol": "other"}])
def test_a_wrong_figure_is_refused_by_name(figures: dict[str, int | float | str]) -> None:
    with pytest.raises(ConfigError, match=r"LIANDONG_TUNING: .*; the figures are latency_ms, "):
        tuning_of(Settings(tuning=figures))


def test_the_clients_buffers_are_bounded() -> None:
    tuning = Tuning(fetch_kbytes=1000, send_kbytes=2000)
    assert consumer_config(Settings(), "town", tuning)["queued.max.messages.kbytes"] == 1000
    assert producer_config(Settings(), "town", tuning)["queue.buffering.max.kbytes"] == 2000


def test_a_classic_member_is_static_and_positions_are_never_reset() -> None:
    classic = consumer_config(Settings(instance="pod-1"), "town", Tuning(group_protocol="classic"))
    assert (classic["group.instance.id"], classic["partition.assignment.strategy"]) == ("pod-1", "range")
    for protocol in ("classic", "consumer"):
        config = consumer_config(Settings(), "town", Tuning(group_protocol=protocol))
        assert config["auto.offset.reset"] == "error"
        assert not config["enable.auto.commit"]
