// Panels in which something is decided: 待办 (proposals to approve) and 任务 (people who must confirm).

import { h, restyle } from "./dom.js";
import * as clock from "./clock.js";
import { pressButton } from "./actions.js";

const figure = (value, unit) => (value === null ? "—" : `${value}${unit ? ` ${unit}` : ""}`);

function condition(item) {
  const limit = item.threshold === null ? "" : ` / ${figure(item.threshold, item.unit)}`;
  return h("li", { class: item.met ? "met" : "unmet" },
    h("span", {}, item.met ? "✓ 满足" : "○ 未满"),
    h("span", {}, item.label),
    h("span", { class: "figure-of" }, item.value === null && !limit ? "" : `${figure(item.value, limit ? "" : item.unit)}${limit}`));
}

/** 待办: the level asked for, every condition met or not, and one press. */
export function proposal() {
  const asked = h("div", {});
  const inside = h("div", { class: "proposal" });
  let current = null;
  const button = pressButton("启动响应", "approve", () => ({ key: current.key, level: current.level }), true);
  const node = h("article", {}, h("div", { class: "head" }, asked, button), inside);
  return {
    node,
    update(row) {
      current = row;
      restyle(node, `row proposal t-${row.tone}`);
      if (row.trace) node.dataset.trace = row.trace;
      button.textContent = row.action;
      const met = row.conditions.filter((item) => item.met).length;
      inside.replaceChildren(
        h("div", { class: "sub" }, h("span", {}, `${row.conditions.length} 项中满足 ${met} 项`), h("span", {}, row.rule_label), h("span", { class: "age", data: { at: row.at } })),
        h("ul", { class: "conditions" }, row.conditions.map(condition)));
      asked.replaceChildren(h("span", { class: "level" }, `建议 ${row.level_label}响应`), `${row.hazard_label}，${row.area}`);
    },
  };
}

const STEPS = 4;

function steps(notice) {
  const confirmed = notice.state === "CONFIRMED";
  const bar = Array.from({ length: Math.max(STEPS, notice.step) }, (_, index) =>
    h("i", { class: index + 1 < notice.step ? "past" : index + 1 === notice.step ? (confirmed ? "ok" : "now") : "" }));
  return [h("div", { class: "steps" }, bar, h("span", {}, `第${notice.step}步 ${notice.channel_label}`)),
    h("small", {}, h("span", {}, notice.person_name), h("span", {}, notice.state_label))];
}

function due(row) {
  if (row.state === "ASSIGNED") return h("span", { class: "due", data: { due: row.ack_due_at, from: row.at } }, h("b", {}), h("small", {}, "签收时限"));
  if (row.state === "ACKED") return h("span", { class: "due", data: { due: row.done_due_at, from: row.acked_at } }, h("b", {}), h("small", {}, "完成时限"));
  return h("span", { class: "due sub" }, `${clock.minuteText(row.ended_at)} ${row.state === "DONE" ? "完成" : `因${row.outcome}撤销`}`);
}

/** 任务: who, where, how far the calling has gone, how long is left, and 确认 on behalf of the person called. */
export function task() {
  let current = null;
  const what = h("div", {});
  const notice = h("div", { class: "notice" });
  const limit = h("div", {});
  const act = h("div", { class: "act" });
  const button = pressButton("确认", "acknowledge", () => ({ key: current.key }));
  button.title = "登记该责任人已确认（由操作人代录）";
  const node = h("article", { class: "row task" }, what, notice, limit, act);
  return {
    node,
    update(row) {
      current = row;
      restyle(node, `row task t-${row.tone}${row.state === "DONE" || row.state === "CANCELLED" ? " done" : ""}`);
      if (row.trace) node.dataset.trace = row.trace;
      what.replaceChildren(
        h("div", { class: "name" }, row.title),
        h("div", { class: "sub" }, h("span", { class: "chip" }, row.state_label), h("span", {}, row.post_name), !row.acked_by && row.person_name && h("span", {}, row.person_name), h("span", {}, row.area), row.acked_by && h("span", {}, `${clock.minuteText(row.acked_at)} ${row.acked_by}签收`)));
      notice.replaceChildren(...(row.notice ? steps(row.notice) : [h("small", {}, "尚未通知")]));
      limit.replaceChildren(due(row));
      if (row.state === "ASSIGNED") { if (!button.isConnected) act.replaceChildren(button); } else act.replaceChildren();
      button.setAttribute("aria-label", `确认：${row.title}，${row.person_name || row.post_name}`);
    },
  };
}

