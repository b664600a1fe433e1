"""Port plans, free ports, and the sentence about a port in use."""

import socket

import pytest
from liandong.errors import ConfigError
from liandong.local import ports
from liandong.local.table import parse_table

TABLE = parse_table(
    """
processes:
  - {name: alpha, module: a, ports: {ops: 10, grpc: 20}, serves: alpha}
  - {name: beta, module: b, ports: {ops: 11, http: 0}}
"""
)


def test_the_real_world_lies_on_its_base() -> None:
    plan = ports.fixed(21000, TABLE)
    assert plan["kafka"] == {"broker": 21092, "controller": 21093}
    assert plan["registry"] == {"http": 21081, "management": 21082}
    assert plan["beta"] == {"ops": 21011, "http": 21000}
    assert ports.fixed(23000, TABLE)["alpha"] == {"ops": 23010, "grpc": 23020}
    assert set(ports.fixed(21000, TABLE, services=False)) == {"kafka", "registry"}


def test_free_ports_differ_and_stay_below_those_of_outgoing_connections() -> None:
    choose = ports.FreePorts()
    plan = ports.infrastructure(choose) | ports.of_services(TABLE, choose)
    numbers = [port for named in plan.values() for port in named.values()]
    assert len(set(numbers)) == len(numbers) == 8
    assert max(numbers) < min(ports.ephemeral_start(), 32768)


def test_a_taken_port_is_never_chosen() -> None:
    first = ports.FreePorts(seed=1)()
    assert ports.FreePorts(taken=[first], seed=1)() != first


def test_some_processes_only() -> None:
    assert set(ports.of_services(TABLE, ports.FreePorts(), only=["beta"])) == {"beta"}
    with pytest.raises(ConfigError, match="No process is called gamma"):
        ports.of_services(TABLE, ports.FreePorts(), only=["gamma"])


def test_a_port_in_use_is_named_with_its_user() -> None:
    with socket.create_server((ports.HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^Port {port} \(alpha ops\) is in use by .*python.*: stop that"):
            ports.require_free({"alpha": {"ops": port}})
    ports.require_free({"alpha": {"ops": port}})
