"""What the compatibility gate says: a finding with its place, its readers and what to do, for people and machines."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """One finding. `hit` are the services whose reading it touches, `topics` where, `against` the version it differs
    from, `permitted` the reason of an override, `otherwise` the way out when the remedy cannot express what is meant.
    """

    breaking: bool
    rule: str
    type: str
    field: str
    file: str
    line: int
    text: str
    remedy: str
    hit: tuple[str, ...]
    topics: tuple[str, ...]
    against: tuple[str, ...]
    permitted: str = ""
    otherwise: str = ""

    @property
    def fails(self) -> bool:
        """Say whether this verdict stops a release."""
        return self.breaking and not self.permitted

    def sentence(self) -> str:
        """Return it as people read it; the first line is one that editors and CI can jump to."""
        mark = "breaking" if self.fails else "permitted" if self.permitted else "note"
        name = f"{self.type}.{self.field}" if self.field else self.type
        lines = [f"{self.file}:{self.line}: {mark}: {name}: {self.text} [{self.rule}]"]
        if self.against:
            more = f" and {len(self.against) - 1} more" if len(self.against) > 1 else ""
            lines.append(f"    against: {self.against[0]}{more}")
        if self.hit:
            carried = f" ({', '.join(self.topics)})" if self.topics else " (its own state)"
            lines.append(f"    hits: {', '.join(self.hit)}{carried}")
        if self.fails:
            lines.append(f"    do: {self.remedy}")
            if self.otherwise:
                lines.append(f"    or: {self.otherwise}")
        if self.permitted:
            lines.append(f"    permitted: {self.permitted}")
        return "\n".join(lines)


def plain(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Return verdicts for machines."""
    return [{**asdict(verdict), "fails": verdict.fails} for verdict in verdicts]
