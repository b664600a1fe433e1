"""`liandong fetch`: downloads what artifacts.lock lists, in parallel, and accepts nothing whose checksum differs.

The Maven client is jgo, which knows its repository; nothing is resolved here. A second run reads checksums only.
"""

import fcntl
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from liandong.errors import ConfigError, LiandongError, Unavailable
from liandong.local.artifacts import Artifact, is_sound, sha256_of

Report = Callable[[int], None]
Download = Callable[[Artifact, Path, Report], None]

_WORKERS = 8
_TRIES = 3
_TIMEOUT_S = 20


def fetch(artifacts: Sequence[Artifact], lib: Path, report: Report, download: Download | None = None) -> None:
    """Download and verify the artifacts into `lib`; `report` is told the bytes that arrived.

    Raises Unavailable (no network, not in the repository) or ConfigError (checksum, disk); what was verified stays.
    """
    take = download or _maven(lib)
    with _only_one(lib), ThreadPoolExecutor(_WORKERS, thread_name_prefix="fetch") as pool:
        # the longest download first, or it would run alone at the end
        jobs = [pool.submit(_one, a, lib, report, take) for a in sorted(artifacts, key=lambda a: -a.size)]
        done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
        for job in jobs:
            job.cancel()
        for job in done:
            if not job.cancelled():
                job.result()


@contextmanager
def _only_one(lib: Path) -> Iterator[None]:
    try:
        lib.mkdir(parents=True, exist_ok=True)
        stream = (lib / ".lock").open("w")
    except OSError as error:
        raise ConfigError(f"Cannot write to {lib} ({error.strerror})") from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _one(artifact: Artifact, lib: Path, report: Report, download: Download) -> None:
    if is_sound(artifact, lib):  # another run may have fetched it while this one waited
        report(artifact.size)
        return
    for attempt in range(1, _TRIES + 1):
        arrived: list[int] = []

        def count(size: int, arrived: list[int] = arrived) -> None:
            arrived.append(size)
            report(size)

        artifact.file(lib).unlink(missing_ok=True)
        try:
            download(artifact, lib, count)
            _verify(artifact, lib)
        except LiandongError:
            report(-sum(arrived))
            if attempt == _TRIES:
                raise
        else:
            break
    if artifact.is_archive:
        _unpack(artifact, lib)


def _verify(artifact: Artifact, lib: Path) -> None:
    file = artifact.file(lib)
    found = sha256_of(file)
    if found != artifact.sha256:
        file.unlink()
        raise ConfigError(
            f"{file.name} has checksum {found[:12]}… where artifacts.lock says {artifact.sha256[:12]}…: "
            "it was damaged or replaced on the way; nothing of it was kept"
        )


def _unpack(artifact: Artifact, lib: Path) -> None:
    folder, part = artifact.unpacked(lib), artifact.unpacked(lib).with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(artifact.file(lib)) as archive:
        # the content is the one of the lock, by checksum; older 3.11 releases have no extraction filters
        options: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(part, **options)
    (part / ".sha256").write_text(artifact.sha256, encoding="ascii")
    part.rename(folder)
    artifact.file(lib).unlink()


def _maven(lib: Path) -> Download:
    """Return a download through jgo. Imported here: it costs a third of a second that a warm start need not pay."""
    from jgo.maven import MavenContext, PythonResolver

    def download(artifact: Artifact, lib: Path, report: Report) -> None:
        @contextmanager
        def progress(_name: str, _total: int) -> Iterator[Report]:
            yield report

        context = MavenContext(PythonResolver(progress_callback=progress), repo_cache=lib, timeout=_TIMEOUT_S)
        component = context.project(artifact.organisation, artifact.name).at_version(artifact.version)
        try:
            component.artifact(artifact.classifier, artifact.packaging).resolve()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Unavailable(
                f"Cannot download {artifact.path.name} ({reason}): check the network and run `liandong fetch` again; "
                "what has arrived is kept"
            ) from error
        except RuntimeError as error:
            raise Unavailable(f"{artifact.coordinates} was not given out by the Maven repository") from error

    return download
