// The world's clock as the server tells it (it may be scaled), and everything that is written from it: ages, countdowns.

const ZONE = "Asia/Shanghai";
const time = new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, hour12: false, hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit", weekday: "short" });

let origin = null;

export function set({ now, rate }) {
  origin = { world: now, local: performance.now(), rate };
}
export const known = () => origin !== null;
export const rate = () => origin?.rate ?? 1;
export const now = () => (origin ? origin.world + (performance.now() - origin.local) * origin.rate : 0);

export const clockText = (ms) => time.format(ms);
export const minuteText = (ms) => minute.format(ms);
export const dayText = (ms) => day.format(ms);

/** "12秒前", "5分前", "2小时前", "3天前". */
export function ageText(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}秒前`;
  if (s < 3600) return `${Math.floor(s / 60)}分前`;
  if (s < 86400) return `${Math.floor(s / 3600)}小时前`;
  return `${Math.floor(s / 86400)}天前`;
}

/** "04:32", "1:12:08"; without sign. */
export function spanText(ms) {
  const s = Math.abs(Math.trunc(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return hours ? `${hours}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${two(Math.floor(s / 60))}:${two(s % 60)}`;
}

const SOON_SHARE = 0.25;

function tickDue(node, at) {
  const left = Number(node.dataset.due) - at;
  const total = Number(node.dataset.due) - Number(node.dataset.from ?? at);
  const state = left < 0 ? "over" : left < total * SOON_SHARE ? "soon" : "calm";
  const text = left < 0 ? `超 ${spanText(left)}` : spanText(left);
  if (node.dataset.state !== state) node.dataset.state = state;
  if (node.firstChild.textContent !== text) node.firstChild.textContent = text;
}

/** Writes every age and countdown below `root`; what is older than its limit (seconds) becomes grey. */
export function tick(root = document) {
  if (!origin) return;
  const at = now();
  for (const node of root.querySelectorAll("[data-at]")) {
    const text = `${node.dataset.word ?? ""}${ageText(at - Number(node.dataset.at))}`;
    if (node.textContent !== text) node.textContent = text;
  }
  for (const node of root.querySelectorAll("[data-due]")) tickDue(node, at);
  for (const node of root.querySelectorAll("[data-fresh-at]")) {
    node.classList.toggle("stale", at - Number(node.dataset.freshAt) > Number(node.dataset.limit) * 1000);
  }
}
