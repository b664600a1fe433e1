// What an operator does: one press, one request id, one effect; the answer is shown as a toast.

import { h } from "./dom.js";

const SHOWN_MS = 7000;

export function toast(text, tone) {
  const node = h("div", { class: `toast t-${tone}` }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), SHOWN_MS);
}

async function send(kind, body) {
  const reply = await fetch(`/api/commands/${kind}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Liandong-Console": "1" },
    body: JSON.stringify(body),
  });
  if (!reply.headers.get("Content-Type")?.startsWith("application/json")) throw new Error(`HTTP ${reply.status}`);
  return reply.json();
}

// A wish is what was pressed: kind, operator and body. It outlives the button, because a list may be drawn anew meanwhile.
const AGAIN_MS = 1500; // a second click this soon after the answer belongs to the same press
const busy = new Set();
const unanswered = new Map(); // wish -> request whose outcome is not known
const answeredAt = new Map(); // wish -> when its outcome became known

/**
 * A button that does `kind` with what `body()` says at the moment of the press. A double click sends once; if the
 * outcome stays unknown, the next press repeats the same request id.
 */
export function pressButton(label, kind, body, strong = false) {
  const button = h("button", { class: `press${strong ? " strong" : ""}`, type: "button" }, label);
  button.addEventListener("click", async () => {
    const content = { operator: document.getElementById("operator").value, ...body() };
    const wish = JSON.stringify([kind, content]);
    if (busy.has(wish) || performance.now() - (answeredAt.get(wish) ?? -Infinity) < AGAIN_MS) return;
    const request = unanswered.get(wish) ?? { request_id: crypto.randomUUID(), ...content };
    unanswered.set(wish, request);
    busy.add(wish);
    button.disabled = true;
    try {
      const answer = await send(kind, request);
      toast(answer.text, answer.accepted ? "green" : answer.known ? "orange" : "red");
      if (answer.known) {
        unanswered.delete(wish);
        answeredAt.set(wish, performance.now());
      }
    } catch (error) {
      toast(`没有送达：${error.message}。再按一次会重发同一请求，不会重复执行。`, "red");
    } finally {
      busy.delete(wish);
      button.disabled = false;
    }
  });
  return button;
}
