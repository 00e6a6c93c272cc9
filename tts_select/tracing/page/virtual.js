// A list of any length with a few dozen elements: a listbox whose active option is kept in sight.
let lists = 0;
function virtualList({ label, rowHeight, n, draw, pick }) {
  const name = `list-${++lists}`;
  const space = el("div", { class: "fill" });
  const box = el("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": label }, space);
  const drawn = new Map();
  let chosen = -1;

  function render() {
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - 5);
    const last = Math.min(n(), first + Math.ceil((box.clientHeight || 400) / rowHeight) + 11);
    space.style.height = `${n() * rowHeight}px`;
    for (const [k, row] of drawn) {
      if (k < first || k >= last) { row.remove(); drawn.delete(k); }
    }
    for (let k = first; k < last; k++) if (!drawn.has(k)) drawn.set(k, rowAt(k));
    box.setAttribute("aria-activedescendant", drawn.has(chosen) ? `${name}-${chosen}` : "");
  }

  function rowAt(k) {
    const row = el("div", {
      class: "item", role: "option", id: `${name}-${k}`, "aria-selected": String(k === chosen),
      "aria-posinset": k + 1, "aria-setsize": n(), onclick: () => select(k),
    }, draw(k));
    row.style.top = `${k * rowHeight}px`;
    space.append(row);
    return row;
  }

  function select(k, quietly) {
    if (k < 0 || k >= n()) return;
    const before = drawn.get(chosen);
    if (before) before.setAttribute("aria-selected", "false");
    chosen = k;
    if (k * rowHeight < box.scrollTop) box.scrollTop = k * rowHeight;
    const below = (k + 1) * rowHeight - box.clientHeight;
    if (box.clientHeight && below > box.scrollTop) box.scrollTop = below;
    render();
    if (drawn.has(k)) drawn.get(k).setAttribute("aria-selected", "true");
    pick(k, quietly);
  }

  function redraw(keep) {
    for (const row of drawn.values()) row.remove();
    drawn.clear();
    chosen = keep === undefined ? -1 : keep;
    if (chosen >= 0) box.scrollTop = Math.max(0, chosen * rowHeight - (box.clientHeight || 0) / 2);
    render();
  }

  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  box.addEventListener("keydown", (event) => {
    const by = moves[event.key];
    if (by === undefined) return;
    event.preventDefault();
    select(Math.min(n() - 1, Math.max(0, chosen + by)));
  });
  box.addEventListener("scroll", render, { passive: true });
  if (window.ResizeObserver) new ResizeObserver(render).observe(box);
  render();
  return { element: box, select, redraw, chosen: () => chosen, move: (by) => select(Math.min(n() - 1, Math.max(0, chosen + by))) };
}
