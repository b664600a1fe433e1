"""What a rule wants published: a record and when it was so. The handlers know the topics."""

from datetime import datetime
from typing import NamedTuple

from liandong_contracts.base import Record


class Emission(NamedTuple):
    """One record to publish, and when what it says happened."""

    record: Record
    at: datetime
