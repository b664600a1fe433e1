// Panels about the water: 积水点, 雨情, 气象预警. They only show.

import { h, redrawn, svg } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 26;

function spark(history) {
  if (history.length < 2) return h("span", { class: "trend" }, "暂无趋势");
  const from = history[0][0];
  const span = Math.max(1, history[history.length - 1][0] - from);
  const top = Math.max(20, ...history.map(([, depth]) => depth));
  const points = history.map(([at, depth]) => [((at - from) / span) * WIDTH, HEIGHT - (depth / top) * (HEIGHT - 3)]);
  const line = points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "fill", d: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }),
    svg("path", { d: line }));
}

function trend(speed) {
  if (speed === null) return h("span", { class: "trend" }, "趋势不明");
  const word = Math.abs(speed) < 1 ? "持平" : speed > 0 ? `↗ ${speed} cm/时` : `↘ ${-speed} cm/时`;
  return h("span", { class: `trend ${speed >= 1 ? "up" : speed <= -1 ? "down" : ""}` }, word);
}

function live(value) {
  if (!value) return null;
  return h("span", { class: "live", title: `实时查询值，质量码 ${value.quality}` }, `实时 ${value.value} · `, h("span", { data: { at: value.at } }));
}

/**
 * 积水点: level, depth now, how it moves, from whom it is known, how old. `latest` maps devices to queried values; a fact
 * is said only when something changes, so a spot is stale when neither the fact nor its gauge is fresh.
 */
export const spot = (limit, latest) => redrawn("article", "row spot", (row) => {
  const now = latest(row.device_id);
  const newer = now && now.at > row.at;
  const course = newer ? [...row.history, [now.at, Number(now.value)]] : row.history;
  return {
    tone: row.tone,
    at: newer ? now.at : row.at,
    limit,
    parts: [
      h("div", { class: "grade" }, row.level_label),
      h("div", {},
        h("div", { class: "name" }, row.name),
        h("div", { class: "sub" }, h("span", {}, row.status_label), h("span", {}, row.kind_label), h("span", {}, row.area), h("span", {}, row.sources_label), h("span", { class: "age", data: { at: row.at } }))),
      h("div", {}, spark(course), course.length > 1 && trend(newer ? now.trend : row.trend)),
      h("div", { class: "depth" }, row.depth_cm === null ? "—" : row.depth_cm, h("small", {}, " cm"), live(now)),
    ],
  };
});

const mm = (cell) => (cell ? cell.mm.toFixed(1) : "—");

/** 雨情: three windows, how complete the hour is, how old. */
export const rain = (limit) => redrawn("tr", "", (row) => {
  const hour = row.h1;
  const share = hour ? Math.round(hour.completeness * 100) : null;
  return {
    tone: row.tone,
    at: row.at,
    limit,
    parts: [
      h("td", { class: "station" }, row.name, h("small", {}, row.area)),
      h("td", { class: "mm" }, mm(row.h1)),
      h("td", {}, mm(row.h3)),
      h("td", {}, mm(row.h24)),
      h("td", { class: share !== null && share < 100 ? "part" : "", title: hour ? `1小时窗口应到报文的到报率；第 ${hour.revision} 版${hour.provisional ? "，暂定" : ""}` : null }, share === null ? "—" : `${share}%`),
      h("td", {}, h("span", { class: "age", data: { at: row.at } })),
    ],
  };
});

export const rainHead = () => h("thead", {}, h("tr", {}, ["站点", "1时", "3时", "24时", "完整", "时效"].map((word) => h("th", { scope: "col" }, word))));

/** 气象预警: the signal, for whom, how long it still holds. */
export const warning = redrawn("article", "row warning", (row) => ({
  tone: row.tone,
  parts: [
    h("div", { class: "sign" }, row.event_short),
    h("div", {},
      h("div", { class: "name" }, row.title),
      h("div", { class: "sub" }, h("span", {}, row.areas), h("span", {}, row.issuer), h("span", { class: "age", data: { at: row.effective, word: "生效 " } }))),
    h("span", { class: "due", data: { due: row.expires, from: row.effective } }, h("b", {}), h("small", {}, "有效期剩")),
  ],
}));
