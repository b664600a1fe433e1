"""Codecs of the device protocols that Chinese cities use. Pure: bytes in, typed results out; no sockets, no clock."""

from cityframes.result import ErrorKind, FrameError, Quality, Reading

__all__ = ["ErrorKind", "FrameError", "Quality", "Reading"]
