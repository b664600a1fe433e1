"""The page's HTTP side: what is served, to whom, and that hostile text stays text."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ioc_service.settings import ConsoleSettings
from ioc_service.view.state import State
from ioc_service.web.commands import Commands
from ioc_service.web.frame import world_of
from ioc_service.web.hub import Hub
from ioc_service.web.pages import Parts, beat, page_app, rate_of
from liandong.clock import ManualClock, ScaledClock, write_scaled
from liandong.telemetry.ops import Health
from liandong.testing.workflow import WorkflowHarness
from liandong_contracts.common import Level

from tests.support.console_district import DISTRICT, NAMES, PROPOSAL_KEY, START
from tests.support.console_page import FakeEmergency
from tests.support.console_storm import Storm, tell

PRESS = {"X-Liandong-Console": "1"}
HOSTILE = "</script><script>alert(1)</script>"


class Site:
    """The application and what stands behind it."""

    def __init__(self, harness: WorkflowHarness, settings: ConsoleSettings) -> None:
        self.emergency = FakeEmergency()
        state = State(harness.read, NAMES)
        hub = Hub(state, harness.clock.now, 5)
        commands = Commands(harness.read, self.emergency, NAMES, DISTRICT)
        self.app = page_app(Parts(settings, harness.clock, state, hub, commands, lambda: Health(True)))

    def client(self, base: str = "http://127.0.0.1:21000") -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=base)


@pytest.fixture
def settings(tmp_path: Path) -> ConsoleSettings:
    return ConsoleSettings(world="drill-7", district_name=HOSTILE, operator="P-6", data_dir=tmp_path)


@pytest.fixture
def site(harness: WorkflowHarness, settings: ConsoleSettings) -> Site:
    return Site(harness, settings)


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client() as client:
        yield client


def press(**more: Any) -> dict[str, Any]:
    return {"request_id": "0f3c2a9e-press", "operator": "DUTY_LEADER", "key": PROPOSAL_KEY, "level": "III", **more}


async def test_the_frame_names_the_world_and_escapes_everything(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/")
    assert "演练" in answer.text
    assert "drill-7" in answer.text
    assert "<script>alert" not in answer.text
    assert '<option value="P-6" selected>区副指挥长</option>' in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_the_real_world_has_no_banner(harness: WorkflowHarness, tmp_path: Path) -> None:
    async with Site(harness, ConsoleSettings(data_dir=tmp_path)).client() as client:
        text = (await client.get("/")).text
    assert 'class="world"' not in text
    assert 'data-world="real"' in text


@pytest.mark.parametrize(
    ("world", "label"), [("", ""), ("demo-1a2b", "演示"), ("drill-3", "演练"), ("t-9", "测试"), ("demonic", "测试")]
)
def test_worlds_are_told_apart(world: str, label: str) -> None:
    assert world_of(world)["label"] == label


async def test_the_state_is_there_for_tests_and_can_be_asked_since(browser: httpx.AsyncClient, storm: Storm) -> None:
    tell(storm)
    whole = (await browser.get("/api/state")).json()
    assert whole["whole"]
    assert whole["now"] == int(storm.now.timestamp() * 1000)
    assert whole["tables"]["proposals"][0]["level"] == "III"
    since = (await browser.get("/api/state", params={"last": whole["position"]})).json()
    assert (since["whole"], since["tables"]) == (False, {"registry": whole["tables"]["registry"]})


async def test_hostile_text_stays_text_in_json(browser: httpx.AsyncClient, storm: Storm) -> None:
    storm.case("C-1", HOSTILE)
    answer = await browser.get("/api/state")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["tables"]["cases"][0]["summary"] == HOSTILE


async def test_a_press_is_sent_on(browser: httpx.AsyncClient, storm: Storm, site: Site) -> None:
    storm.proposed(Level.III)
    answer = await browser.post("/api/commands/approve", json=press(), headers=PRESS)
    assert answer.json()["accepted"]
    assert len(site.emergency.approved) == 1


@pytest.mark.parametrize(
    "headers",
    [{}, {**PRESS, "Origin": "http://evil.example"}, {**PRESS, "Origin": "null"}, {"Origin": "http://127.0.0.1:21000"}],
)
async def test_a_press_from_elsewhere_is_refused(
    browser: httpx.AsyncClient, storm: Storm, site: Site, headers: dict[str, str]
) -> None:
    storm.proposed(Level.III)
    answer = await browser.post("/api/commands/approve", json=press(), headers=headers)
    assert answer.status_code == 403
    assert site.emergency.approved == []


@pytest.mark.parametrize("base", ["http://evil.example", "http://127.0.0.1.evil.example:21000"])
async def test_a_foreign_name_of_this_machine_is_refused(site: Site, base: str) -> None:
    async with site.client(base) as client:
        assert (await client.get("/api/state")).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        json.dumps(press(request_id="")).encode(),
        json.dumps(press(request_id="../../etc")).encode(),
        json.dumps(press(level=5)).encode(),
        json.dumps({"key": "x"}).encode(),
    ],
)
async def test_a_broken_press_is_refused(browser: httpx.AsyncClient, site: Site, body: bytes) -> None:
    answer = await browser.post("/api/commands/approve", content=body, headers=PRESS)
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


async def test_a_huge_press_is_refused(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/commands/approve", content=b"x" * 20_000, headers=PRESS)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/static/../settings.py", "/static/%2e%2e/settings.py", "/etc/passwd", "/api"])
async def test_only_the_pages_files_are_served(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize("name", ["console.css", "main.js", "dom.js", "mark.svg"])
async def test_assets_come_from_the_package(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.get(f"/static/{name}")
    assert answer.status_code == 200
    assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_the_clock_says_how_fast_it_runs(tmp_path: Path) -> None:
    assert beat(ManualClock(START), Health(True)) == {
        "now": int(START.timestamp() * 1000),
        "rate": 1.0,
        "ready": True,
        "lag": None,
        "detail": "",
    }
    write_scaled(tmp_path / "clock.json", START, 30)
    clock = ScaledClock(tmp_path / "clock.json")
    assert rate_of(clock, clock.now()) == pytest.approx(30, abs=0.05)
