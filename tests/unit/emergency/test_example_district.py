"""The example district that comes with the repository can be used, and its plan reaches a person everywhere."""

from pathlib import Path

from emergency_service.domain.plan import place
from emergency_service.reference import gaps_of, load
from emergency_service.settings import EmergencySettings
from liandong_contracts.common import Level

DISTRICT = Path(__file__).parents[3] / "tools" / "district"


def test_the_example_district_has_no_gap() -> None:
    references = load(EmergencySettings(reference_dir=DISTRICT))
    assert gaps_of(references) == []
    (plan,) = references.plans.all()
    assert len(place(plan.up_to(Level.IV), references.areas, references.areas.root.code)) == 12
