"""The process table: what it refuses, and that the district's own table is sound."""

from pathlib import Path

import pytest
from liandong.errors import ConfigError
from liandong.local.table import parse_table, read_table

ROW = "  - {name: alpha, module: a, ports: {ops: 10}}\n"


def refused(rows: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse_table("processes:\n" + rows)
    return str(error.value)


def test_the_district_has_its_processes_in_order() -> None:
    table = read_table(Path("tools/district/processes.yaml"))
    names = [row.name for row in table.processes]
    assert names == ["sensing-gateway", "sensing-judge", "flood", "emergency", "dispatch", "ioc"]
    assert {row.serves for row in table.processes if row.serves} == {"sensing", "flood", "emergency", "dispatch"}


def test_two_processes_of_one_name_are_refused() -> None:
    assert "two processes are called alpha" in refused(ROW + "  - {name: alpha, module: b, ports: {ops: 11}}\n")


def test_two_ports_at_one_offset_are_refused() -> None:
    assert "alpha.ops have the same port offset 10" in refused(ROW + "  - {name: beta, module: b, ports: {ops: 10}}\n")


def test_a_port_of_the_broker_is_refused() -> None:
    assert "kafka have the same port offset 92" in refused("  - {name: alpha, module: a, ports: {ops: 92}}\n")


def test_a_process_nobody_could_ask_is_refused() -> None:
    assert "no ops port" in refused("  - {name: alpha, module: a, ports: {grpc: 1}}\n")


def test_a_service_without_a_grpc_port_is_refused() -> None:
    assert "no grpc port" in refused("  - {name: alpha, module: a, ports: {ops: 1}, serves: alpha}\n")


def test_an_unknown_word_is_refused_with_its_place() -> None:
    assert "processes.0.modul" in refused("  - {name: alpha, modul: a, ports: {ops: 10}}\n")


def test_what_is_not_yaml_is_refused() -> None:
    assert "is not YAML" in refused("  - {name: alpha\n")


def test_a_missing_table_says_where_to_run() -> None:
    with pytest.raises(ConfigError, match="run this in the folder of the checkout"):
        read_table(Path("no-such-folder/processes.yaml"))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="No process is called beta; there are: alpha"):
        parse_table("processes:\n" + ROW).named("beta")
