"""From configuration to processes: what a service is told, and how the real world and a world differ."""

import json
from pathlib import Path

import pytest
from liandong.local.messages import StackConfig, WorldConfig
from liandong.local.plan import Planner
from liandong.local.spec import ProcessSpec
from liandong.local.table import parse_table

TABLE = parse_table(
    """
processes:
  - {name: alpha, module: alpha_service, args: [judge], ports: {ops: 10, grpc: 20}, serves: alpha, env: {LIANDONG_X: y}}
  - {name: page, module: page_service, ports: {ops: 11, http: 0}, open: http}
"""
)
PORTS = {"kafka": {"broker": 1, "controller": 2}, "registry": {"http": 3, "management": 4}}
CONFIG = StackConfig(
    project="/town", home="/town/.liandong", lib="/lib", table="/town/data/p.yaml", python="python", ports=PORTS
)


@pytest.fixture
def planner() -> Planner:
    return Planner(CONFIG, TABLE)


def by_name(specs: list[ProcessSpec]) -> dict[str, ProcessSpec]:
    return {spec.full_name: spec for spec in specs}


def test_a_service_is_told_where_everything_is(planner: Planner) -> None:
    world = WorldConfig(name="", ports={"alpha": {"ops": 30, "grpc": 31}, "page": {"ops": 32, "http": 33}})
    specs = by_name(planner.services(world))
    assert list(specs) == ["topics", "alpha", "page"]
    alpha = specs["alpha"]
    assert alpha.command == ("python", "-m", "alpha_service", "judge")
    assert alpha.needs == ("kafka", "registry", "topics")
    assert alpha.env["LIANDONG_BOOTSTRAP"] == "127.0.0.1:1"
    assert alpha.env["LIANDONG_REGISTRY_URL"] == "http://127.0.0.1:3/apis/ccompat/v7"
    assert (alpha.env["LIANDONG_OPS_PORT"], alpha.env["LIANDONG_GRPC_PORT"]) == ("30", "31")
    assert alpha.env["LIANDONG_DATA_DIR"] == "/town/.liandong/data/real/alpha"
    assert alpha.env["LIANDONG_REFERENCE_DIR"] == "/town/data"
    assert alpha.env["LIANDONG_X"] == "y"
    assert json.loads(specs["page"].env["LIANDONG_PEERS"]) == {"alpha": "127.0.0.1:31"}
    assert specs["page"].env["LIANDONG_HTTP_PORT"] == "33"
    assert specs["page"].address == planner.addresses(world).console == "http://127.0.0.1:33"


def test_a_world_has_names_data_and_clock_of_its_own(planner: Planner) -> None:
    world = WorldConfig(
        name="demo-1", ports={"alpha": {"ops": 30, "grpc": 31}}, env={"LIANDONG_X": "z"}, clock_file="/clock"
    )
    specs = by_name(planner.services(world))
    assert list(specs) == ["demo-1/topics", "demo-1/alpha"]
    alpha = specs["demo-1/alpha"]
    assert alpha.needs == ("kafka", "registry", "demo-1/topics")
    assert (alpha.env["LIANDONG_WORLD"], alpha.env["LIANDONG_CLOCK_FILE"]) == ("demo-1", "/clock")
    assert alpha.env["LIANDONG_DATA_DIR"] == "/town/.liandong/data/worlds/demo-1/alpha"
    assert Path(alpha.log) == Path("/town/.liandong/logs/demo-1/alpha.log")
    assert planner.addresses(world).console == ""


def test_settings_of_the_caller_do_not_leak_into_services(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANDONG_WORLD", "somewhere-else")
    monkeypatch.setenv("LIANDONG_OTLP_ENDPOINT", "http://elsewhere")
    alpha = by_name(planner.services(WorldConfig(name="", ports={"alpha": {"ops": 30, "grpc": 31}})))["alpha"]
    assert alpha.env["LIANDONG_WORLD"] == ""
    assert "LIANDONG_OTLP_ENDPOINT" not in alpha.env
