"""Personal data: encrypted field by field under a key of the person or matter, masked for everyone, read with an audit.

It must not know Kafka or SQL: engines bring new keys to Kafka, `liandong.refs.subject_keys` brings them back.
"""

from liandong.privacy.sealed import Clear, Place, Sealed

__all__ = ["Clear", "Place", "Sealed"]
