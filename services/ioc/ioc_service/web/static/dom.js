// Builds elements from text, never from markup: what a citizen or a device wrote can only ever become a text node.

const SVG = "http://www.w3.org/2000/svg";

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

function apply(node, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") for (const [key, item] of Object.entries(value)) { if (item !== null && item !== undefined) node.dataset[key] = item; }
    else if (name === "onclick") node.addEventListener("click", value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

export const h = (tag, props, ...children) => append(apply(document.createElement(tag), props), children);
export const svg = (tag, props, ...children) => append(apply(document.createElementNS(SVG, tag), props), children);

/**
 * Keeps `container`'s children equal to `rows`, one element per key. A row's element lives as long as its row, so a
 * button is never replaced under the finger; while the pointer or the focus is inside, rows are not moved either.
 */
export function reconcile(container, rows, make, stamp = (row) => row.rev) {
  const kept = (container.kept ??= new Map());
  const wanted = new Set(rows.map((row) => row.key));
  for (const [key, item] of kept) if (!wanted.has(key)) { item.node.remove(); kept.delete(key); }
  const held = container.matches(":hover") || container.contains(document.activeElement);
  let place = container.firstElementChild;
  for (const row of rows) {
    let item = kept.get(row.key);
    if (!item) {
      item = make(row);
      kept.set(row.key, item);
      container.insertBefore(item.node, held ? null : place);
      item.update(row);
      item.stamp = stamp(row);
      continue;
    }
    if (item.stamp !== stamp(row)) { item.update(row); item.stamp = stamp(row); }
    if (held) continue;
    if (item.node === place) place = place.nextElementSibling;
    else container.insertBefore(item.node, place);
  }
}

/** Gives a row its classes anew; being lit up by the pointer outlives a redraw. */
export function restyle(node, classes) {
  node.className = node.classList.contains("traced") ? `${classes} traced` : classes;
}

/** A row whose whole inside is drawn anew by `draw(row)` at each change; `tag` and `kind` are fixed. */
export function redrawn(tag, kind, draw) {
  return () => {
    const node = h(tag, { class: kind });
    return {
      node,
      update(row) {
        const { tone = "none", done = false, at = null, limit = null, title = null, parts } = draw(row);
        restyle(node, `${kind} t-${tone}${done ? " done" : ""}`);
        if (row.trace) node.dataset.trace = row.trace;
        if (limit) { node.dataset.freshAt = at; node.dataset.limit = limit; }
        if (title) node.title = title;
        node.replaceChildren();
        append(node, parts);
      },
    };
  };
}
