import shutil
from pathlib import Path

import pytest
from liandong.codegen import check, generate, write
from liandong.codegen.__main__ import main

from .conftest import World

CONTRACTS = Path("services/contracts/liandong_contracts")


def test_write_then_fresh(world: World) -> None:
    assert CONTRACTS / "flood.py" in write(world.root)
    assert check(world.root) == []
    assert write(world.root) == []


def test_the_place_of_the_repository_does_not_matter(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "deep" / "er"
    shutil.copytree(world.root, elsewhere)
    assert generate(elsewhere) == generate(world.root)


def test_check_names_what_is_stale(world: World) -> None:
    write(world.root)
    (world.root / CONTRACTS / "flood.py").write_text("# changed by hand\n", encoding="utf-8")
    (world.root / CONTRACTS / "avro/liandong.flood.Mark.avsc").unlink()
    (world.root / CONTRACTS / "rpc/water_pb2.py").write_text("", encoding="utf-8")
    assert check(world.root) == [
        f"{CONTRACTS}/avro/liandong.flood.Mark.avsc: missing",
        f"{CONTRACTS}/flood.py: differs from its source",
        f"{CONTRACTS}/rpc/water_pb2.py: no longer generated",
    ]
    write(world.root)
    assert check(world.root) == []


def test_command_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(world.root)]
    assert main(["check", *root]) == 1
    assert "run `make gen` and commit" in capsys.readouterr().err
    assert main(["gen", *root]) == 0
    assert main(["check", *root]) == 0
    path = world.topic(kind="rumour")
    assert main(["gen", *root]) == 1
    assert str(path) in capsys.readouterr().err


def test_stubs_live_in_the_contracts_package(world: World) -> None:
    rpc = {path.name: text.decode() for path, text in generate(world.root).items() if path.parent.name == "rpc"}
    assert set(rpc) == {
        "__init__.py",
        "flood_pb2.py",
        "flood_pb2.pyi",
        "flood_pb2_grpc.py",
        "flood_pb2_grpc.pyi",
    }
    assert "from liandong_contracts.rpc import flood_pb2" in rpc["flood_pb2_grpc.py"]
    assert "from liandong." not in rpc["flood_pb2_grpc.py"]
    assert "Get: grpc.UnaryUnaryMultiCallable[flood_pb2.GetRequest, flood_pb2.GetReply]" in rpc["flood_pb2_grpc.pyi"]
    assert "Watch: grpc.UnaryStreamMultiCallable[" in rpc["flood_pb2_grpc.pyi"]


def test_a_broken_proto_is_refused(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    world.proto().write_text("message {", encoding="utf-8")
    assert main(["gen", "--root", str(world.root)]) == 1
    assert "liandong/flood/v1/flood.proto" in capfd.readouterr().err
