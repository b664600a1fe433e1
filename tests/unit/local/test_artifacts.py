"""artifacts.lock: its lines, its paths, and that the committed lock is complete."""

import hashlib
from pathlib import Path

import pytest
from liandong.errors import ConfigError
from liandong.local.artifacts import Artifact, is_sound, jars, missing, parse_lock, read_lock, require

SHA = "0" * 64


def artifact(body: bytes) -> Artifact:
    return Artifact("kafka", "org.example", "thing", "1.2", "jar", "", hashlib.sha256(body).hexdigest(), len(body))


def test_a_line_has_coordinates_checksum_and_size() -> None:
    (found,) = parse_lock(f"# comment\n\n[registry]\norg.example:app:3.3:tar.gz:all  {SHA}  17\n")
    assert found == Artifact("registry", "org.example", "app", "3.3", "tar.gz", "all", SHA, 17)
    assert found.coordinates == "org.example:app:3.3:tar.gz:all"
    assert str(found.path) == "org/example/app/3.3/app-3.3-all.tar.gz"
    assert found.is_archive


@pytest.mark.parametrize(
    "line",
    [
        f"org.example:app:3.3  {SHA}  17",
        "org.example:app:3.3:jar  abc  17",
        f"org.example:app:3.3:jar  {SHA}  many",
        f"org.example:app:3.3:jar  {SHA}",
    ],
)
def test_a_wrong_line_is_named(line: str) -> None:
    with pytest.raises(ConfigError, match="line 2"):
        parse_lock(f"[kafka]\n{line}\n")


def test_a_line_outside_a_group_is_refused() -> None:
    with pytest.raises(ConfigError, match="line 1"):
        parse_lock(f"org.example:app:3.3:jar  {SHA}  17\n")


def test_the_committed_lock_holds_one_kafka_and_one_registry() -> None:
    lock = read_lock(Path("artifacts.lock"))
    assert [a.version for a in lock if a.name == "kafka_2.13"] == ["4.1.2"]
    assert len([a for a in lock if a.name == "kafka-clients"]) == 1
    assert [a.name for a in lock if a.name.startswith("log4j-slf4j")] == ["log4j-slf4j-impl"]
    registry = [a.coordinates for a in lock if a.group == "registry"]
    assert registry == ["io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all"]
    assert len({a.path for a in lock}) == len(lock) > 90


def test_a_file_counts_only_with_its_content(tmp_path: Path) -> None:
    wanted = artifact(b"right")
    file = wanted.file(tmp_path)
    file.parent.mkdir(parents=True)
    assert missing([wanted], tmp_path) == [wanted]
    file.write_bytes(b"wrong")
    assert not is_sound(wanted, tmp_path)
    file.write_bytes(b"right")
    assert missing([wanted], tmp_path) == []
    assert jars([wanted], "kafka", tmp_path) == [file]


def test_what_is_missing_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"thing-1\.2\.jar is missing in .*: run `liandong fetch`"):
        require([artifact(b"x")], tmp_path)
