"""Column types for the tables of workflow services."""

from datetime import UTC, datetime

import sqlalchemy as sa

from liandong.privacy.sealed import Sealed


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment. Takes aware datetimes only and always returns UTC, on databases without time zones too."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Store the UTC wall time; a naive datetime is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the moment in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class SealedText(sa.types.TypeDecorator[str]):
    """A personal value as it was published: encrypted, and gone when its key is erased. Reads back as the mask."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Store the token; plain text is refused, for it would survive the erasure."""
        if not value:
            return value
        if not isinstance(value, Sealed):
            raise ValueError("a personal value is stored as it was published: take it from the event of work.emit")
        return value.stored

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Return the sealed value."""
        return Sealed.from_stored(value) if value else value
