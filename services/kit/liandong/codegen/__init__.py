"""Generator: schemas/ and protos/ become records, topics, stubs, manifests and reference pages.

Its output is committed and never edited; it depends on nothing but the sources, so the same sources give the same
bytes on every machine. It must not import what it generates, nor any Kafka client.
"""

from liandong.codegen.files import check, generate, write

__all__ = ["check", "generate", "write"]
