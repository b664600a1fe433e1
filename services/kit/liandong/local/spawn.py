"""Starts one operating system process tied to this one, and waits for its end without threads. Linux only."""

import asyncio
import ctypes
import functools
import os
import signal
import subprocess
from pathlib import Path

from liandong.clock import real_now
from liandong.event import iso
from liandong.local.spec import ProcessSpec

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, sign: int = signal.SIGKILL) -> None:
    """Ask the kernel to send `sign` to this process when its parent ends; end at once if it already has."""
    _libc.prctl(_PR_SET_PDEATHSIG, sign)
    if os.getppid() != parent:
        os._exit(1)


def start(command: tuple[str, ...], spec: ProcessSpec) -> "subprocess.Popen[bytes]":
    """Start a command of the spec; its output is appended to the spec's log. It dies with this process, whatever kills
    this one, so that a second supervisor never finds processes it does not own.

    Raises OSError when the command cannot be started.
    """
    log = Path(spec.log)
    log.parent.mkdir(parents=True, exist_ok=True)
    Path(spec.cwd).mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        out.write(f"--- {iso(real_now())} {Path(command[0]).name} … {' '.join(command[-2:])}\n".encode())
        out.flush()
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=spec.cwd,
            env=spec.env,
            preexec_fn=functools.partial(die_with_parent, os.getpid()),  # noqa: PLW1509 (the supervisor has one thread)
        )


async def ended(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the end of a child and return its code (negative: the signal). Cancelling leaves the child alone."""
    if process.returncode is not None:
        return process.returncode
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    fd = os.pidfd_open(process.pid)
    try:
        loop.add_reader(fd, gone.set)
        await gone.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
    return process.wait()


def ending(code: int) -> str:
    """Return how a process ended, for people."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
