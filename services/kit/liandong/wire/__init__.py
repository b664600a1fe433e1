"""Records on the wire: Confluent framing, Avro bodies, schema ids, topics as they were declared.

    codec = codec_of(settings)
    value = codec.encode(topics.SENSING_READING.wire("district"), reading)
    record = codec.decode(value)

The wire knows nothing of headers (that is `liandong.event`) and of who reads or writes.
"""

from liandong.wire.admin import TopicSpec, ensure_topics, register_all
from liandong.wire.codec import Codec, codec_of
from liandong.wire.registry import Registry
from liandong.wire.schema_ids import LocalIds, RegistryIds, SchemaIds
from liandong.wire.start import prepare_patiently

__all__ = [
    "Codec",
    "LocalIds",
    "Registry",
    "RegistryIds",
    "SchemaIds",
    "TopicSpec",
    "codec_of",
    "ensure_topics",
    "prepare_patiently",
    "register_all",
]
