"""The audit record of a clear read. It is published before, or together with, whatever the read leads to."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from liandong_contracts.platform import SensitiveDataViewed

from liandong.privacy.sealed import Sealed


def viewed(
    values: Iterable[Sealed], *, purpose: str, actor: str, about: str, case_id: str | None, at: datetime
) -> Iterator[SensitiveDataViewed]:
    """Return one record for each subject and record type. Raises ValueError without a purpose or an actor."""
    if not purpose.strip() or not actor.strip():
        raise ValueError("reading personal data in the clear needs a purpose and an actor")
    fields: dict[tuple[str, str], list[str]] = {}
    for value in values:
        fields.setdefault((value.place.subject, value.place.record), []).append(value.place.field)
    for (subject, record), names in fields.items():
        yield SensitiveDataViewed(
            actor=actor,
            subject_id=subject,
            record_type=record,
            record_ref=about or subject,
            fields=tuple(dict.fromkeys(names)),
            purpose=purpose,
            case_id=case_id,
            viewed_at=at,
        )
