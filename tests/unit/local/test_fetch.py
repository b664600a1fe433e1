"""Downloads: what is accepted, what is tried again, what is said when it fails. The Maven client is a function here."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from liandong.errors import ConfigError, Unavailable
from liandong.local.artifacts import Artifact, is_sound
from liandong.local.fetch import Download, Report, fetch


def artifact(body: bytes, name: str = "thing", packaging: str = "jar") -> Artifact:
    return Artifact("kafka", "org.example", name, "1", packaging, "", hashlib.sha256(body).hexdigest(), len(body))


def gives(*bodies: bytes) -> Download:
    """Return a download that gives these bodies, one a call."""
    left = list(bodies)

    def download(artifact: Artifact, lib: Path, report: Report) -> None:
        body = left.pop(0)
        artifact.file(lib).parent.mkdir(parents=True, exist_ok=True)
        artifact.file(lib).write_bytes(body)
        report(len(body))

    return download


def fails(artifact: Artifact, lib: Path, report: Report) -> None:
    raise Unavailable("Cannot download: check the network")


def test_every_byte_is_reported_once(tmp_path: Path) -> None:
    seen: list[int] = []
    fetch([artifact(b"right")], tmp_path, seen.append, gives(b"wrong", b"right"))
    assert sum(seen) == 5
    assert is_sound(artifact(b"right"), tmp_path)


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    wanted = artifact(b"right")
    with pytest.raises(ConfigError, match=r"thing-1\.jar has checksum .* nothing of it was kept"):
        fetch([wanted], tmp_path, lambda _: None, gives(b"w1", b"w2", b"w3"))
    assert not wanted.file(tmp_path).exists()


def test_no_network_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="check the network"):
        fetch([artifact(b"a", "one"), artifact(b"b", "two")], tmp_path, lambda _: None, fails)


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    fetch([artifact(b"right")], tmp_path, lambda _: None, gives(b"right"))
    fetch([artifact(b"right")], tmp_path, lambda _: None, fails)


def test_an_archive_is_unpacked_and_not_kept(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("app/run.jar")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"jar"))
    wanted = artifact(packed.getvalue(), "app", "tar.gz")
    fetch([wanted], tmp_path, lambda _: None, gives(packed.getvalue()))
    assert (wanted.unpacked(tmp_path) / "app" / "run.jar").read_bytes() == b"jar"
    assert not wanted.file(tmp_path).exists()
    assert is_sound(wanted, tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lib").write_text("a file in the way")
    with pytest.raises(ConfigError, match="Cannot write to"):
        fetch([artifact(b"x")], tmp_path / "lib", lambda _: None, fails)
