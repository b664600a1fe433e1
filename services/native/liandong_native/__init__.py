"""Avro bodies to typed records and back in C: the fast half of `liandong.wire`, which uses it where it was built.

It knows no schema, no registry and nothing else of ours: `liandong.wire.plan` writes the programs that it runs.
"""

from liandong_native._native import Events, Frames, Lane, Program, set_foreign_time

__all__ = ["Events", "Frames", "Lane", "Program", "set_foreign_time"]
