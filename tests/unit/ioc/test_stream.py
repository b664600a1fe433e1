"""The event stream of a page: whole, then changes; resumed after a break; bounded however slowly the page reads."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ioc_service.view.state import Position, State
from ioc_service.web import stream
from ioc_service.web.hub import Hub, event
from ioc_service.web.stream import EventStream

from tests.support.console_storm import Storm, tell

HOSTILE = '</script><img src=x onerror="alert(1)">\n\ndata: forged\r\nevent: clock\u2028'


class Client:
    """One page on the other end of an ASGI connection; `reading` cleared makes it stop taking bytes."""

    def __init__(self, hub: Hub, last: str = "") -> None:
        self.status = 0
        self.text = ""
        self.ended = False
        self.reading = asyncio.Event()
        self.reading.set()
        self.gone = asyncio.Event()
        self.news = asyncio.Event()
        app = EventStream(hub, Position.parse(last), lambda: event("clock", {"now": 1}))
        self.task = asyncio.create_task(app({"type": "http"}, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reading.wait()
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()
        self.ended = message["type"] == "http.response.body" and not message.get("more_body")
        self.news.set()

    def events(self) -> list[tuple[str, str, Any]]:
        """All events so far as (name, id, data), read as a browser would."""
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "data" in fields:
                found.append((fields["event"], fields.get("id", ""), json.loads(fields["data"])))
        return found

    async def until(self, name: str, count: int = 1) -> tuple[str, str, Any]:
        """Wait for the `count`-th event of a name."""
        async with asyncio.timeout(5):
            while sum(found[0] == name for found in self.events()) < count:
                self.news.clear()
                await self.news.wait()
        return [found for found in self.events() if found[0] == name][count - 1]

    async def leave(self) -> None:
        self.gone.set()
        await self.task


@pytest.fixture
async def hub(state: State, storm: Storm) -> AsyncIterator[Hub]:
    hub = Hub(state, lambda: storm.now, 2)
    hub.start()
    yield hub
    hub.close()


async def test_a_page_gets_the_state_and_then_only_what_changed(hub: Hub, storm: Storm) -> None:
    tell(storm)
    page = Client(hub)
    _, first, tables = await page.until("snapshot")
    assert page.events()[0][0] == "clock"
    assert len(tables["tasks"]) == 4
    storm.acknowledged("T-1", "P-3")
    hub.changed()
    _, second, tables = await page.until("delta")
    assert second != first
    assert [row["key"] for row in tables["tasks"]] == ["T-1"]
    assert set(tables) == {"tasks", "feed", "sources", "registry"}
    await page.leave()


async def test_a_page_that_comes_back_misses_nothing_and_gets_nothing_twice(hub: Hub, storm: Storm) -> None:
    tell(storm)
    page = Client(hub)
    _, last, _ = await page.until("snapshot")
    await page.leave()
    storm.acknowledged("T-1", "P-3")
    storm.reported("R-99")
    again = Client(hub, last)
    _, _, tables = await again.until("delta")
    assert [row["what"] for row in reversed(tables["feed"])] == [
        "任务签收：泵站操作员乙（APP）",
        "诉求受理：12345 热线，求助",
    ]
    assert "snapshot" not in {name for name, _, _ in again.events()}
    await again.leave()


async def test_after_a_new_life_of_the_projection_a_page_starts_over(hub: Hub, storm: Storm) -> None:
    tell(storm)
    page = Client(hub, "an-earlier-life-5")
    assert (await page.until("snapshot"))[2]["tasks"]
    await page.leave()


async def test_pages_that_stand_together_share_one_reading(hub: Hub, storm: Storm, state: State) -> None:
    tell(storm)
    readings = []
    since = state.since
    state.since = lambda *args: (readings.append(args), since(*args))[1]  # type: ignore[method-assign,func-returns-value]
    pages = [Client(hub), Client(hub)]
    for page in pages:
        await page.until("snapshot")
    assert len(readings) == 1
    for page in pages:
        await page.leave()


async def test_a_page_too_many_is_refused(hub: Hub, storm: Storm) -> None:
    pages = [Client(hub), Client(hub)]
    for page in pages:
        await page.until("clock")
    third = Client(hub)
    await third.task
    assert (third.status, third.ended) == (503, True)
    await pages[0].leave()
    fourth = Client(hub)
    await fourth.until("clock")
    assert hub.pages == 2


async def test_a_slow_page_skips_to_the_newest_state(hub: Hub, storm: Storm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GAP_S", 0)
    tell(storm)
    page = Client(hub)
    await page.until("snapshot")
    page.reading.clear()
    for number in range(200):
        storm.reported(f"R-{1000 + number}")
        hub.changed()
        await asyncio.sleep(0)
    page.reading.set()
    while reports_on(page) != 212:
        page.news.clear()
        await asyncio.wait_for(page.news.wait(), 5)
    assert sum(name == "delta" for name, _, _ in page.events()) < 20
    await page.leave()


def reports_on(page: Client) -> int:
    return int([tables["reports"][0]["total"] for _, _, tables in page.events() if "reports" in tables][-1])


async def test_a_page_that_stops_reading_is_cut_off(hub: Hub, storm: Storm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STALLED_S", 0.05)
    page = Client(hub)
    page.reading.clear()
    await asyncio.wait_for(page.task, 5)
    assert hub.pages == 0


async def test_pages_end_when_the_process_ends(hub: Hub, storm: Storm) -> None:
    page = Client(hub)
    await page.until("clock")
    hub.close()
    await asyncio.wait_for(page.task, 5)
    assert page.ended


async def test_values_asked_from_sensing_reach_pages_without_a_position(hub: Hub, storm: Storm) -> None:
    page = Client(hub)
    await page.until("latest")
    hub.publish_latest([{"device_id": "WL01", "value": "47"}])
    assert (await page.until("latest", 2))[1:] == ("", [{"device_id": "WL01", "value": "47"}])
    await page.leave()


async def test_hostile_text_cannot_forge_events(hub: Hub, storm: Storm) -> None:
    storm.case("C-1", HOSTILE)
    page = Client(hub)
    _, _, tables = await page.until("snapshot")
    assert tables["cases"][0]["summary"] == HOSTILE
    assert [name for name, _, _ in page.events()] == ["clock", "snapshot", "latest"]
    await page.leave()
