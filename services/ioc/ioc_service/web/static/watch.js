// Panels to keep an eye on: 告警 (and devices that went offline), 案件, 事件流.

import { h, redrawn } from "./dom.js";
import * as clock from "./clock.js";

/** 告警: how bad, what against which limit, since when. */
export const alarm = redrawn("article", "row alarm", (row) => ({
  tone: row.tone,
  parts: [
    h("span", { class: "chip" }, row.severity_label),
    h("div", {},
      h("div", { class: "name" }, row.title),
      h("div", { class: "sub" }, h("span", {}, row.device), row.area && h("span", {}, row.area), row.repeat_count > 0 && h("span", {}, `重复 ${row.repeat_count} 次`))),
    h("div", { class: "value" }, row.value_text, h("span", { class: "age", data: { at: row.at, word: row.word } })),
  ],
}));

function caseClock(row) {
  if (!row.clock) return h("span", { class: "sub" }, "无时限");
  return h("span", { class: "due", data: { due: row.clock.due_at, from: row.opened_at } }, h("b", {}), h("small", {}, row.clock.label));
}

/** 案件: what it is about, how many people reported it, the clock that strikes next. */
export const caseRow = redrawn("article", "row case", (row) => ({
  tone: row.tone,
  parts: [
    h("div", {},
      h("div", { class: "name" }, row.summary),
      h("div", { class: "sub" },
        h("span", { class: "reports" }, `${row.reports_total} 件诉求`), row.spot && h("span", {}, row.spot), h("span", {}, row.area), h("span", { class: "age", data: { at: row.opened_at, word: "立案 " } }))),
    caseClock(row),
  ],
}));

/** 事件流: one line per event; its ids on hover, its chain lights up everywhere. */
export const feedRow = (fresh) => (row) => {
  const node = h("div", { class: `feed-row t-${row.tone}${fresh() ? " fresh" : ""}`, title: `事件 ${row.event_short}　链路 ${row.trace ?? "无"}　主题 ${row.topic}` },
    h("time", {}, clock.clockText(row.at)),
    h("span", { class: "dot" }),
    h("span", {}, row.tag && h("span", { class: "chip tag" }, row.tag), row.what, row.where && h("span", { class: "where" }, row.where)));
  if (row.trace) node.dataset.trace = row.trace;
  return { node, update() {} };
};
