"""Installed contracts packages are gathered; two that declare the same are refused."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from liandong import contracts
from liandong.errors import ConfigError
from liandong_contracts import topics as platform_topics
from liandong_contracts.base import Record, Topic
from liandong_contracts.records import RECORDS


class TreeFell(Record, frozen=True, kw_only=True):
    FULL_NAME = "cn.example.parks.TreeFell"


TREE = Topic("parks.tree", "fact", "parks", ("tree_id",), (TreeFell,), {"district": 1})


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    contracts.known_records.cache_clear()
    contracts.known_topics.cache_clear()
    yield
    contracts.known_records.cache_clear()
    contracts.known_topics.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, records: dict[str, type[Record]], *topics: Topic) -> None:
    for name, content in (("records", {"RECORDS": records}), ("topics", {"ALL": topics})):
        module = ModuleType(f"parks_contracts.{name}")
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, f"parks_contracts.{name}", module)
    monkeypatch.setitem(sys.modules, "parks_contracts", ModuleType("parks_contracts"))
    found = [EntryPoint("parks", "parks_contracts", "liandong.contracts")]
    monkeypatch.setattr(contracts, "entry_points", lambda group: found if group == "liandong.contracts" else [])


def test_a_department_s_package_adds_to_the_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, {TreeFell.FULL_NAME: TreeFell}, TREE)
    assert contracts.known_records() == {**RECORDS, TreeFell.FULL_NAME: TreeFell}
    assert contracts.known_topics() == tuple(sorted((*platform_topics.ALL, TREE), key=lambda topic: topic.name))


def test_what_is_declared_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, {next(iter(RECORDS)): TreeFell}, platform_topics.SENSING_READING)
    with pytest.raises(ConfigError, match="is declared by liandong_contracts"):
        contracts.known_records()
    with pytest.raises(ConfigError, match=r"declared twice, the second time by parks_contracts"):
        contracts.known_topics()
