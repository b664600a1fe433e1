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

/**
 * A button that does `kind` with what `body()` says at the moment of the press. While it is away the button is off, so a
 * double click sends once; if the outcome stays unknown, the next press repeats the same request id.
 */
export function pressButton(label, kind, body, strong = false) {
  let request = null;
  const button = h("button", { class: `press${strong ? " strong" : ""}`, type: "button" }, label);
  button.addEventListener("click", async () => {
    if (button.disabled) return;
    button.disabled = true;
    request ??= { request_id: crypto.randomUUID(), operator: document.getElementById("operator").value, ...body() };
    try {
      const answer = await send(kind, request);
      toast(answer.text, answer.accepted ? "green" : answer.known ? "orange" : "red");
      if (answer.known) request = null;
    } catch (error) {
      toast(`没有送达：${error.message}。再按一次会重发同一请求，不会重复执行。`, "red");
    } finally {
      button.disabled = false;
    }
  });
  return button;
}
