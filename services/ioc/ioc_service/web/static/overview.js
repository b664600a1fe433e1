// The header and the line of figures: level, mode, clock, and each number with what it is of and how old it is.

import { h } from "./dom.js";
import * as clock from "./clock.js";

const RANK = { I: 1, II: 2, III: 3, IV: 4, WATCH: 5 };
export const byLevel = (a, b) => (RANK[a.level] ?? 9) - (RANK[b.level] ?? 9);

/** `heard`: whether anything was ever received about responses; silence is not the same as "nothing is going on". */
export function drawResponse(node, responses, heard) {
  const [top, ...others] = responses.toSorted(byLevel);
  if (!top) {
    node.className = `response t-${heard ? "green" : "none"}`;
    node.replaceChildren(h("span", { class: "badge" }, "未启动响应"), heard ? "" : h("span", { class: "detail" }, "尚未收到响应信息"));
    return;
  }
  node.className = `response t-${top.tone}`;
  node.dataset.trace = top.trace ?? "";
  const more = others.length ? `，另有 ${others.length} 处响应` : "";
  node.replaceChildren(
    h("span", { class: "badge" }, `${top.level_label}响应`),
    h("span", { class: "detail" }, h("b", {}, `${top.hazard_label} · ${top.area}${more}`), `${top.approved_by} 批准，`, h("span", { data: { at: top.at } }), "生效"));
}

export function drawMode(node, responses, heard) {
  const top = responses.toSorted(byLevel)[0];
  const war = top && RANK[top.level] <= 3;
  node.className = `mode t-${war ? "red" : top ? "yellow" : heard ? "green" : "none"}`;
  node.textContent = war ? "战时" : top ? "戒备" : "平时";
}

export function drawClock(node, note) {
  const now = clock.now();
  node.textContent = clock.clockText(now);
  node.dateTime = new Date(now).toISOString();
  const scaled = Math.abs(clock.rate() - 1) > 0.01;
  note.parentElement.classList.toggle("scaled", scaled);
  note.textContent = scaled ? `${clock.dayText(now)} · 演示时钟 ${Number(clock.rate().toFixed(1))}×` : clock.dayText(now);
}

const count = (rows, test) => rows.reduce((sum, row) => sum + (test(row) ? 1 : 0), 0);
const max = (rows, of) => rows.reduce((best, row) => (of(row) !== undefined && (best === null || of(row) > of(best)) ? row : best), null);

/** The eight figures; `at` is the time of the newest event behind each. */
export function figuresOf(live, at) {
  const tasks = live.rows("tasks").filter((row) => row.state !== "CANCELLED");
  const unconfirmed = count(tasks, (row) => row.state === "ASSIGNED");
  const late = count(tasks, (row) => row.state === "ASSIGNED" && row.overdue);
  const spots = live.rows("spots");
  const deep = count(spots, (row) => row.level === "L3" || row.level === "L4");
  const wettest = max(live.rows("rain").filter((row) => row.h1), (row) => row.h1.mm);
  const alarms = live.rows("alarms");
  const grave = count(alarms, (row) => row.severity <= 2);
  const cases = live.rows("cases");
  const breached = count(cases, (row) => row.breached);
  const offline = live.rows("offline").length;
  const [registry] = live.rows("registry");
  const [rejected] = live.rows("rejected");
  const [reports] = live.rows("reports");
  const proposals = live.rows("proposals").length;
  return [
    { label: "待办", value: proposals, more: proposals ? "等待批准" : at("emergency.proposal") ? "全部办结" : "", tone: proposals ? "orange" : "none", at: at("emergency.proposal") },
    { label: "待签收任务", value: unconfirmed, of: tasks.length, more: late ? `超时 ${late}` : "", tone: late ? "red" : unconfirmed ? "blue" : "none", at: at("emergency.task", "emergency.notice") },
    { label: "积水点", value: spots.length, more: `L3 以上 ${deep}`, tone: deep ? "orange" : spots.length ? "yellow" : "none", at: at("flood.spot") },
    { label: "最大 1 小时雨量", value: wettest ? wettest.h1.mm.toFixed(1) : "—", unit: "mm", more: wettest?.name.replace(/雨量站$/u, "") ?? "", tone: wettest?.tone ?? "none", at: wettest?.at ?? null, source: "rain" },
    { label: "告警", value: alarms.length, more: `重要以上 ${grave}`, tone: grave ? "red" : alarms.length ? "yellow" : "none", at: at("sensing.alarm") },
    { label: "未结案件", value: cases.length, more: breached ? `超期 ${breached}` : reports ? `诉求 ${reports.total}` : "", tone: breached ? "red" : "none", at: at("dispatch.case", "dispatch.report") },
    { label: "设备在线", value: registry ? registry.total - offline : "—", of: registry?.total ?? "—", more: offline ? `离线 ${offline}` : "", tone: offline ? "yellow" : "none", at: at("sensing.device") },
    { label: "拒收报文", value: rejected?.total ?? 0, more: rejected ? `涉及 ${rejected.devices} / ${registry?.total ?? "—"} 台` : "", title: rejected?.reasons, tone: "none", at: at("sensing.rejected") },
  ];
}

export function drawFigures(container, figures, limits) {
  container.replaceChildren(...figures.map((item) => {
    const limit = item.source && limits[item.source];
    return h("div", { class: `figure t-${item.tone}`, title: item.title, data: limit && item.at ? { freshAt: item.at, limit } : {} },
      h("span", { class: "label" }, item.label),
      item.at ? h("span", { class: "age", data: { at: item.at } }) : h("span", { class: "age" }, "尚无数据"),
      h("span", { class: "value" }, item.value, item.of !== undefined && h("small", {}, `/ ${item.of}`), item.unit && h("small", {}, item.unit)),
      h("span", { class: "more" }, item.more));
  }));
}
