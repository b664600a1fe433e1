// The live state: one event stream, rows by table and key, resumed from the last number seen after any break.

const RETRY_MS = 1500;
const SILENCE_MS = 20000;
const FEED_KEPT = 120;

const newest = (rows, most) => new Map([...rows].sort(([, a], [, b]) => b.rev - a.rev).slice(0, most));

export class Live {
  /** `onChange(tables)` after rows changed, `onClock(message)`, `onLatest(values)`, `onLink(state)`: waiting, up, down. */
  constructor({ onChange, onClock, onLatest, onLink }) {
    Object.assign(this, { onChange, onClock, onLatest, onLink });
    this.tables = new Map();
    this.last = "";
    this.heard = 0;
    this.connect();
    setInterval(() => this.watch(), 2000);
  }

  rows(table) {
    return [...(this.tables.get(table)?.values() ?? [])];
  }

  connect() {
    this.source?.close();
    clearTimeout(this.timer);
    const source = new EventSource(this.last ? `/events?last=${encodeURIComponent(this.last)}` : "/events");
    this.source = source;
    this.heard = performance.now();
    source.addEventListener("snapshot", (event) => { this.tables.clear(); this.take(event); });
    source.addEventListener("delta", (event) => this.take(event));
    source.addEventListener("clock", (event) => { this.alive(); this.onClock(JSON.parse(event.data)); });
    source.addEventListener("latest", (event) => { this.alive(); this.onLatest(JSON.parse(event.data)); });
    source.onerror = () => {
      this.onLink("down");
      // a refused or closed stream is not taken up again by the browser itself
      if (source.readyState === EventSource.CLOSED) this.timer = setTimeout(() => this.connect(), RETRY_MS);
    };
  }

  /** A connection that says nothing, not even the time, is a dead one. */
  watch() {
    if (performance.now() - this.heard < SILENCE_MS) return;
    this.onLink("down");
    this.connect();
  }

  alive() {
    this.heard = performance.now();
    this.onLink("up");
  }

  take(event) {
    this.alive();
    this.last = event.lastEventId;
    const changed = new Set(event.type === "snapshot" ? ["*"] : []);
    for (const [table, rows] of Object.entries(JSON.parse(event.data))) {
      if (!this.tables.has(table)) this.tables.set(table, new Map());
      const kept = this.tables.get(table);
      changed.add(table);
      for (const row of rows) { if (row.open === false) kept.delete(row.key); else kept.set(row.key, row); }
      if (table === "feed" && kept.size > 2 * FEED_KEPT) this.tables.set(table, newest(kept, FEED_KEPT));
    }
    this.onChange(changed);
  }
}
