// Wires the page: the live state in, panels out. All wording and ranking comes with the rows; here is only order.

import { h, reconcile } from "./dom.js";
import * as clock from "./clock.js";
import { Live } from "./live.js";
import { proposal, task } from "./command.js";
import { rain, rainHead, spot, warning } from "./scene.js";
import { alarm, caseRow, feedRow } from "./watch.js";
import { byLevel, drawClock, drawFigures, drawMode, drawResponse, figuresOf } from "./overview.js";

const boot = JSON.parse(document.getElementById("boot").textContent);
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const latest = new Map();
const FEED_SHOWN = 120;
const ENDED_SHOWN = 20;

const rank = { ASSIGNED: 0, ACKED: 1, DONE: 2, CANCELLED: 3 };
const taskOrder = (a, b) => rank[a.state] - rank[b.state] || (a.state === "ASSIGNED" ? a.ack_due_at - b.ack_due_at : a.state === "ACKED" ? a.done_due_at - b.done_due_at : b.rev - a.rev);
const depthRank = { L4: 4, L3: 3, L2: 2, L1: 1 };
const spotOrder = (a, b) => (depthRank[b.level] ?? 0) - (depthRank[a.level] ?? 0) || (b.depth_cm ?? -1) - (a.depth_cm ?? -1);
const alarmOrder = (a, b) => a.severity - b.severity || b.at - a.at;
const caseOrder = (a, b) => (a.clock?.due_at ?? Infinity) - (b.clock?.due_at ?? Infinity);

const table = h("tbody", {});
byId("panel-rain").querySelector("[data-body]").append(h("table", { class: "rain" }, rainHead(), table));

let arrived = false;
const panels = [
  { name: "proposals", from: ["proposals"], topics: ["emergency.proposal"], rows: () => live.rows("proposals").sort(byLevel), make: proposal },
  { name: "tasks", from: ["tasks"], topics: ["emergency.task", "emergency.notice"], rows: () => shownTasks(), make: task, note: taskNote },
  { name: "spots", from: ["spots"], topics: ["flood.spot"], rows: () => live.rows("spots").sort(spotOrder), make: spot(boot.limits.spot, (id) => latest.get(id)), stamp: (row) => `${row.rev}|${latest.get(row.device_id)?.stamp ?? ""}` },
  { name: "rain", from: ["rain"], topics: ["flood.rain"], rows: () => live.rows("rain").sort((a, b) => (b.h1?.mm ?? -1) - (a.h1?.mm ?? -1)), make: rain(boot.limits.rain), body: table },
  { name: "warnings", from: ["warnings"], topics: ["flood.warning"], rows: () => live.rows("warnings").filter((row) => row.expires > clock.now()), make: warning },
  { name: "alarms", from: ["alarms", "offline"], topics: ["sensing.alarm", "sensing.device"], rows: () => [...live.rows("alarms").sort(alarmOrder), ...live.rows("offline").sort((a, b) => a.at - b.at)], make: alarm },
  { name: "cases", from: ["cases"], topics: ["dispatch.case", "dispatch.report"], rows: () => live.rows("cases").sort(caseOrder), make: caseRow, note: caseNote },
  { name: "feed", from: ["feed"], topics: [], rows: () => live.rows("feed").sort((a, b) => b.rev - a.rev).slice(0, FEED_SHOWN), make: feedRow(() => arrived) },
];

/** All open tasks, and the last few that ended. */
function shownTasks() {
  const ended = (row) => row.state === "DONE" || row.state === "CANCELLED";
  const rows = live.rows("tasks").sort(taskOrder);
  return [...rows.filter((row) => !ended(row)), ...rows.filter(ended).slice(0, ENDED_SHOWN)];
}

function taskNote(rows) {
  const waiting = rows.filter((row) => row.state === "ASSIGNED").length;
  return rows.length ? `待签收 ${waiting} · 已确认到人 ${rows.filter((row) => row.state === "ACKED" || row.state === "DONE").length}` : "";
}

function caseNote() {
  const [reports] = live.rows("reports");
  return reports ? `共收诉求 ${reports.total} 件` : "";
}

/** Says how many rows lie below the visible part of a panel. */
function hidden(section) {
  const body = section.querySelector("[data-body]");
  const list = section.querySelector("tbody") ?? body;
  const end = body.getBoundingClientRect().bottom;
  const below = [...list.children].filter((row) => row.getBoundingClientRect().bottom > end + 2).length;
  if (body.scrollHeight <= body.clientHeight + 2) delete section.dataset.more;
  else section.dataset.more = below;
}

function newest(...topics) {
  const times = live.rows("sources").filter((row) => topics.includes(row.key)).map((row) => row.at);
  return times.length ? Math.max(...times) : null;
}

function drawPanel(panel) {
  const section = byId(`panel-${panel.name}`);
  const rows = panel.rows();
  reconcile(panel.body ?? section.querySelector("[data-body]"), rows, panel.make, panel.stamp);
  section.classList.toggle("is-empty", rows.length === 0);
  const empty = section.querySelector("[data-empty]");
  empty.dataset.empty ||= empty.textContent;
  empty.textContent = panel.topics.length && newest(...panel.topics) === null ? "尚未收到数据" : empty.dataset.empty;
  section.querySelector("[data-count]").textContent = panel.name === "feed" || !rows.length ? "" : rows.length;
  section.querySelector("[data-note]").textContent = panel.note?.(rows) ?? "";
  const at = panel.topics.length ? newest(...panel.topics) : null;
  section.querySelector("[data-asof]").replaceChildren(at ? h("span", { class: "age", data: { at, word: "更新于 " } }) : "");
  requestAnimationFrame(() => hidden(section));
}

function draw(changed) {
  const all = changed.has("*");
  for (const panel of panels) {
    if (!(all || changed.has("sources") || panel.from.some((name) => changed.has(name)))) continue;
    try { drawPanel(panel); } catch (error) { console.error(`panel ${panel.name}`, error); } // the other panels still matter
  }
  const responses = live.rows("responses");
  const heard = newest("emergency.response") !== null;
  drawResponse(byId("response"), responses, heard);
  drawMode(byId("mode"), responses, heard);
  drawFigures(byId("figures"), figuresOf(live, newest), boot.limits);
  clock.tick();
  arrived = true;
}

for (const section of document.querySelectorAll(".panel")) {
  section.querySelector("[data-body]").addEventListener("scroll", () => hidden(section), { passive: true });
  new ResizeObserver(() => hidden(section)).observe(section);
}

let waiting = null;
function schedule(changed) {
  if (waiting) { for (const name of changed) waiting.add(name); return; }
  waiting = new Set(changed);
  requestAnimationFrame(() => { const due = waiting; waiting = null; draw(due); });
}

function link(state, text = "") {
  root.dataset.link = state;
  byId("link").hidden = !text;
  byId("link").textContent = text;
}

let behind = "";
const live = new Live({
  onChange: schedule,
  onClock(message) {
    clock.set(message);
    behind = message.ready ? "" : `数据接收异常：${message.detail || "消费进程未就绪"}；下列数字停留在最后收到的时刻`;
    link(behind ? "behind" : "up", behind);
    drawClock(byId("clock"), byId("clock-note"));
    clock.tick();
  },
  onLatest(values) {
    latest.clear();
    for (const item of values) latest.set(item.device_id, { ...item, stamp: `${item.value}@${item.at}` });
    schedule(new Set(["spots"]));
  },
  onLink: (state) => (state === "up" ? link(behind ? "behind" : "up", behind) : link("down", "与指挥台服务的连接已断开，正在自动重连；数字停留在断开的时刻")),
});

setInterval(() => {
  if (!clock.known()) return;
  drawClock(byId("clock"), byId("clock-note"));
  clock.tick();
}, 500);

// warnings leave when they expire, though no event says so
setInterval(() => schedule(new Set(["warnings"])), 5000);

// one chain lights up everywhere: from the reading to the person
document.addEventListener("pointerover", (event) => {
  const trace = event.target.closest?.("[data-trace]")?.dataset.trace;
  for (const node of document.querySelectorAll(".traced")) if (node.dataset.trace !== trace) node.classList.remove("traced");
  if (trace) for (const node of document.querySelectorAll(`[data-trace="${CSS.escape(trace)}"]`)) node.classList.add("traced");
});
