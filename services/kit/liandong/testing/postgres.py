"""A PostgreSQL server for tests: the binaries of the wheel `pgserver`, else the system's. Never for production.

The server refuses to run as root, and `nobody` can read neither root's files nor pytest's folders: so root's server
gets a folder of its own with a copy of the binaries.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

_SETTINGS = {"fsync": "off", "max_connections": "60", "shared_buffers": "16MB", "log_min_messages": "fatal"}
_PATIENCE_S = 60.0


class PostgresForTests:
    """A server on a socket in a temporary folder. Its process group is the only thing that `kill` touches."""

    def __init__(self, binaries: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="liandong-pg-", dir="/tmp"))
        self._user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
            binaries = self._readable(binaries)
        self._bin = binaries
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        arguments = ["-D", str(self._data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        self._run([str(self._bin / "initdb"), *arguments]).wait(_PATIENCE_S)
        self.start()

    def _readable(self, binaries: Path) -> Path:
        """Copy the wheel's files, each at its old distance from the libraries that it loads."""
        package = binaries.parents[1]
        if package.name != "pgserver":
            return binaries
        for folder in (package, package.with_name("pgserver.libs")):
            shutil.copytree(folder, self._folder / folder.name, symlinks=True)
        return self._folder / package.name / binaries.relative_to(package)

    def _run(self, command: list[str]) -> "subprocess.Popen[bytes]":
        as_user: dict[str, Any] = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._folder, start_new_session=True, **as_user
            )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        where = ["-D", str(self._data), "-k", str(self._folder), "-c", "listen_addresses="]
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._process = self._run([str(self._bin / "postgres"), *where, *settings])
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise TimeoutError((self._folder / "log").read_text(encoding="utf-8")[-2000:]) from None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Send SIGKILL to the server and its children."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_PATIENCE_S)

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def database(self) -> str:
        """Create an empty database and return its URL."""
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


def find_binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, or None where there is no PostgreSQL."""
    spec = find_spec("pgserver")
    wheels = [Path(spec.origin).parent / "pginstall" / "bin"] if spec is not None and spec.origin else []
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in [*wheels, *system] if (folder / "initdb").exists()), None)
