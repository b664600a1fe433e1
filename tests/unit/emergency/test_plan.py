"""The example plan, and what a plan means at each level."""

from pathlib import Path

import pytest
from emergency_service import reference
from emergency_service.domain.plan import Plan, place
from emergency_service.reference import References, gaps_of, parse_plan
from emergency_service.settings import EmergencySettings
from liandong.errors import ConfigError
from liandong_contracts.common import Hazard, Level

HERE = Path(__file__).parent
EXAMPLE = Path(reference.__file__).parent / "plans" / "rainstorm.yaml"


@pytest.fixture
def plan(references: References) -> Plan:
    found = references.plans.match(Hazard.RAINSTORM, "EX-RAINSTORM")
    assert found is not None
    return found


def test_the_example_says_that_it_is_one(plan: Plan) -> None:
    assert plan.example
    assert "示例预案" in plan.title
    assert all(level in plan.levels for level in (Level.WATCH, Level.IV, Level.III, Level.II, Level.I))


def test_limits_follow_the_level(plan: Plan) -> None:
    limits = {level: (asks.ack_minutes, asks.step_minutes) for level, asks in plan.levels.items()}
    assert limits == {
        Level.WATCH: (60, 10),
        Level.IV: (30, 5),
        Level.III: (15, 3),
        Level.II: (10, 2),
        Level.I: (5, 1),
    }


def test_the_calling_order_fits_into_the_acknowledge_limit(plan: Plan) -> None:
    assert all(len(plan.chain) * asks.step_minutes <= asks.ack_minutes for asks in plan.levels.values())


def test_twelve_tasks_at_iv_and_ten_more_at_iii(plan: Plan, references: References) -> None:
    at_iv = place(plan.up_to(Level.IV), references.areas, "990199")
    more = place(plan.added(Level.IV, Level.III), references.areas, "990199")
    assert (len(at_iv), len(more)) == (12, 10)
    assert place(plan.up_to(Level.III), references.areas, "990199") == tuple(
        sorted((*at_iv, *more), key=lambda t: (t.template.priority, t.template.template_id, t.area.code))
    )


def test_going_down_adds_nothing(plan: Plan) -> None:
    assert plan.added(Level.III, Level.IV) == ()


def test_a_response_of_a_street_stays_in_the_street(plan: Plan, references: References) -> None:
    placed = place(plan.up_to(Level.IV), references.areas, "990199002")
    assert sorted(item.area.code for item in placed) == [
        "990199",
        "990199002",
        "990199002001",
        "990199002002",
        "990199002003",
    ]


def test_the_district_of_the_tests_has_no_gap(references: References) -> None:
    assert gaps_of(references) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("post: FLOOD_DUTY", "post: FLOOD", "level WATCH: task RS-WATCH-01: no such post FLOOD"),
        ("scope: district", "scope: quarter", "plan.levels.WATCH.tasks[0].scope"),
        ("step_minutes: 10", "step_minutes: 90", "level WATCH: limits must be 0 < step_minutes"),
        ("approver: DUTY_LEADER", "approver: DUTY_LEADER\n    limit: 3", "plan.levels.WATCH.limit"),
        ("RS-IV-02", "RS-IV-01", "task RS-IV-01 is written more than once"),
        ("hazard: RAINSTORM", "hazard: RAIN", "plan.hazard"),
        ("- {who: ON_DUTY, channel: APP}", "- {who: DEPUTY, channel: APP}", "must begin with ON_DUTY"),
        ("plan_id: EX", "plan_id: [", "not readable as YAML"),
    ],
)
def test_a_mistake_in_a_plan_is_named(old: str, new: str, sentence: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        parse_plan(text.replace(old, new, 1), "rainstorm.yaml")
    assert str(error.value).startswith("rainstorm.yaml: ")
    assert sentence in str(error.value)


def test_missing_files_and_unknown_keys_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"areas\.yaml: cannot be read"):
        reference.load(EmergencySettings(reference_dir=tmp_path))
    (tmp_path / "areas.yaml").write_text("areas:\n  - {code: 990199, name: 测试区, colour: red}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"areas\.yaml: areas\[0\]\.colour"):
        reference.load(EmergencySettings(reference_dir=tmp_path))
    (tmp_path / "areas.yaml").write_text("areas:\n  - {code: 990199, name: 测试区, parent: 99}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        reference.load(EmergencySettings(reference_dir=tmp_path))
    assert str(error.value).splitlines() == [
        "areas.yaml: area 990199 (测试区): its parent 99 is not in the file",
        "areas.yaml: exactly one area has no parent, here: none",
    ]


def test_a_directory_without_plans_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no plan files"):
        reference.load(EmergencySettings(reference_dir=HERE / "reference", plan_dir=tmp_path))
