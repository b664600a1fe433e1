"""The console in a real browser: legible Chinese, nothing overlapping, one effect per press, back after a break."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from liandong.telemetry.ops import Health
from liandong_contracts.common import Level
from liandong_contracts.flood import SpotLevel

from tests.support.console_page import ConsolePage
from tests.support.console_storm import tell

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SIZES = [(1366, 768), (1920, 1080)]
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
CHINESE_FONTS = ("CJK", "Noto Sans SC", "Noto Serif SC", "Source Han", "WenQuanYi", "PingFang", "YaHei", "SimHei")
HOSTILE = '<img src="/x" onerror="window.hacked=1"><b>雨</b>'

_BOXES = """selector => [...document.querySelectorAll(selector)].filter(n => n.offsetParent !== null).map(n => {
  const r = n.getBoundingClientRect();
  const name = n.id || n.className + ' ' + n.textContent.slice(0, 20);
  return {name, x: r.x, y: r.y, right: r.right, bottom: r.bottom};
})"""
_CUT = """() => [...document.querySelectorAll('.board *, .top *, .figures *')].filter(n => {
  const style = getComputedStyle(n);
  return n.childElementCount === 0 && n.textContent.trim() && style.display !== 'inline' && n.offsetParent !== null
    && n.scrollWidth > n.clientWidth + 1;
}).map(n => n.textContent)"""
_LEAVING = """() => [...document.querySelectorAll('.panel, .figure')].flatMap(p => {
  const box = p.getBoundingClientRect();
  return [...p.querySelectorAll('*')].filter(n => {
    const r = n.getBoundingClientRect();
    return r.width > 0 && (r.left < box.left - 1 || r.right > box.right + 1);
  }).map(n => (p.id || p.className) + ': ' + n.textContent.slice(0, 30));
})"""


def _chromium() -> str:
    found = next((path for path in CHROMIUM if Path(path).exists()), None) or shutil.which("chromium")
    if found is None:
        reason = "no Chromium: install Debian's chromium and fonts-noto-cjk for the page tests"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = _chromium()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ConsolePage]:
    with ConsolePage(tmp_path) as site:
        yield site


@pytest.fixture
def visit(browser: Any, site: ConsolePage) -> Iterator[Callable[..., Any]]:
    contexts = []

    def go(width: int = 1366, height: int = 768) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(site.url)
        page.wait_for_selector("html[data-link=up]")
        page.wait_for_selector(".figure")
        return page

    yield go
    problems = [problem for context in contexts for page in context.pages for problem in page.problems]
    for context in contexts:
        context.close()
    assert problems == []


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def overlapping(boxes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the pairs of boxes that share more than a hair's breadth."""
    return [
        (a["name"], b["name"])
        for number, a in enumerate(boxes)
        for b in boxes[number + 1 :]
        if min(a["right"], b["right"]) - max(a["x"], b["x"]) > 0.5
        and min(a["bottom"], b["bottom"]) - max(a["y"], b["y"]) > 0.5
    ]


def fonts_of(page: Any, selector: str) -> set[str]:
    """Return the families that really draw an element's text."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    return {font["familyName"] for font in used}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_everything_is_legible_and_nothing_overlaps(
    site: ConsolePage, visit: Callable[..., Any], pytestconfig: pytest.Config, width: int, height: int
) -> None:
    tell(site.storm)
    page = visit(width, height)
    page.wait_for_selector("#panel-proposals .press")
    page.wait_for_selector(".depth .live")
    folder = pytestconfig.rootpath / "build" / "console"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"storm-{width}x{height}.png")

    drawn = fonts_of(page, "#title-spots")
    assert any(name in family for family in drawn for name in CHINESE_FONTS), f"no Chinese font draws the page: {drawn}"
    for selector in (".panel, .figure, .top, .world", ".top > *", ".duty > *"):
        assert overlapping(page.evaluate(_BOXES, selector)) == []
    for panel in ("tasks", "spots", "alarms", "cases", "warnings", "feed"):
        rows = page.evaluate(_BOXES, f"#panel-{panel} [data-body] > *")
        assert rows
        assert overlapping(rows) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.documentElement.scrollHeight") == height
    assert page.evaluate(_CUT) == []
    assert page.evaluate(_LEAVING) == []
    for box in page.evaluate(_BOXES, ".panel"):
        assert box["bottom"] <= height


@pytest.mark.parametrize(("width", "height"), [*SIZES, (1024, 768), (420, 900)])
def test_an_empty_console_says_so(site: ConsolePage, visit: Callable[..., Any], width: int, height: int) -> None:
    page = visit(width, height)
    assert page.locator(".panel.is-empty .empty:visible").count() == 8
    assert "尚未收到响应信息" in page.inner_text("#response")
    assert page.locator(".figure", has_text="尚无数据").count() == 8
    assert overlapping(page.evaluate(_BOXES, ".panel, .figure")) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_double_click_approves_once(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    site.emergency.delay_s = 0.3
    page = visit()
    page.select_option("#operator", "DEPUTY_COMMANDER")
    page.get_by_role("button", name="升至Ⅲ级响应").dblclick()
    page.wait_for_selector(".toast.t-green")
    assert "已批准：暴雨 Ⅲ级响应" in page.inner_text(".toast")
    ((request, traceparent),) = site.emergency.approved
    assert (request.level, request.approved_by) == ("III", "P-6")
    assert traceparent is not None
    site.storm.activated(Level.III)
    page.wait_for_selector("#panel-proposals.is-empty")
    assert "Ⅲ级响应" in page.inner_text("#response")
    assert page.inner_text("#mode") == "战时"


def test_a_double_click_confirms_once_and_the_row_follows(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    page = visit()
    row = page.locator("#panel-tasks .task", has_text="封闭临江路下穿隧道")
    assert "签收超时" in row.inner_text()
    assert "第3步 语音" in row.inner_text()
    row.get_by_role("button").dblclick()
    page.wait_for_selector(".toast.t-green")
    ((request, _),) = site.emergency.acknowledged
    assert (request.task_id, request.person_id, request.via) == ("T-1", "P-3", "OPERATOR")
    site.storm.acknowledged("T-1", "P-3")
    until(lambda: "已签收" in row.inner_text())
    assert row.get_by_role("button").count() == 0


def test_an_unknown_outcome_is_repeated_with_the_same_request(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    site.emergency.away = True
    page = visit()
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if "/api/commands" in request.url else None)
    button, failures = page.locator("#panel-tasks .press").first, page.locator(".toast.t-red")
    button.click()
    until(lambda: failures.count() == 1)
    button.click()
    until(lambda: failures.count() == 2)
    site.emergency.away = False
    button.click()
    page.wait_for_selector(".toast.t-green")
    ((request, _),) = site.emergency.acknowledged
    assert [body["request_id"] for body in sent] == [request.request_id] * 3


def test_the_page_comes_back_by_itself_and_misses_nothing(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    page = visit()
    page.wait_for_selector("#panel-tasks .task")
    page.evaluate("window.sameDocument = true")
    site.close()
    page.wait_for_selector("html[data-link=down]")
    assert "正在自动重连" in page.inner_text("#link")
    site.storm.depth("SP-QS-01", SpotLevel.L4, 63.0)
    site.open(site.server.port)
    page.wait_for_selector("html[data-link=up]")
    until(lambda: "63" in page.locator("#panel-spots .spot", has_text="青石路铁路桥下").inner_text())
    assert page.locator("#panel-spots .spot").first.inner_text().startswith("L4")
    assert page.evaluate("window.sameDocument") is True
    assert not page.is_visible("#link")


def test_what_is_old_is_grey_and_says_so(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    page = visit()
    page.wait_for_selector("#panel-rain tbody tr")
    assert page.locator("#panel-rain tr.stale").count() == 0
    fresh = page.evaluate("getComputedStyle(document.querySelector('#panel-rain .mm')).color")
    site.storm.minutes(20)
    page.reload()
    page.wait_for_selector("#panel-rain tr.stale")
    assert page.evaluate("getComputedStyle(document.querySelector('#panel-rain .mm')).color") != fresh
    assert "26分前" in page.inner_text("#panel-rain tbody tr:first-child .age")
    assert page.locator("#panel-spots .spot.stale").count() == 3
    assert page.locator(".figure.stale").count() == 1


def test_a_console_that_lags_says_so(site: ConsolePage, visit: Callable[..., Any]) -> None:
    site.health = Health(False, "waiting for partitions")
    page = visit_without_waiting(visit, site)
    page.wait_for_selector("html[data-link=behind]")
    assert "数据接收异常" in page.inner_text("#link")


def visit_without_waiting(visit: Callable[..., Any], site: ConsolePage) -> Any:
    """Open the page though it will not come up: the state is set before it is asked."""
    health, site.health = site.health, Health(True)
    page = visit()
    site.health = health
    page.reload()
    return page


def test_hostile_text_is_shown_and_never_run(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    site.storm.case("C-9", HOSTILE)
    site.storm.detected("SP-9", HOSTILE, SpotLevel.L4, 70.0)
    site.storm.task("T-9", HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    page = visit()
    page.wait_for_selector("#panel-spots .spot >> text=onerror")
    assert page.locator("main img, main b:has-text('雨')").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") == 1366
    assert page.evaluate(_LEAVING) == []


def test_one_chain_lights_up_everywhere(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    page = visit()
    page.locator("#panel-feed .feed-row").first.hover()
    page.wait_for_selector("#panel-tasks .task.traced")
    assert page.locator("#panel-spots .spot.traced").count() == 3
    title = page.locator("#panel-feed .feed-row").first.get_attribute("title")
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in title


def test_no_request_leaves_the_machine(site: ConsolePage, visit: Callable[..., Any]) -> None:
    tell(site.storm)
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector("#panel-tasks .task")
    assert asked
    assert all(url.startswith(site.url) for url in asked)
