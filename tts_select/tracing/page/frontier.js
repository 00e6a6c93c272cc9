// Accuracy against cost, with intervals: points, whiskers, and the same as a table.
const PLOT = { width: 420, height: 216, left: 40, right: 12, top: 12, bottom: 36 };

function frontierOf(frontier, views, now) {
  const series = frontier.series.map((s) => s.kind === "views" ? { ...s, points: views.map(viewPoint) } : s);
  const all = series.flatMap((s) => s.points).filter((p) => known(p.cost) && (!frontier.is_log || p.cost > 0));
  if (!all.length) return null;
  const x = axis(all.map((p) => p.cost), frontier.is_log, PLOT.left, PLOT.width - PLOT.right);
  const y = axis(all.flatMap((p) => [p.low, p.high]), false, PLOT.height - PLOT.bottom, PLOT.top);
  const svg = el("svg", { class: "plot", viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": `${frontier.title}; the same is in the table below` });
  for (const at of y.ticks) {
    svg.append(el("line", { class: "grid", x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: y.of(at), y2: y.of(at) }));
    svg.append(el("text", { x: PLOT.left - 6, y: y.of(at) + 4, "text-anchor": "end" }, percent(at)));
  }
  for (const at of x.ticks) svg.append(el("text", { x: x.of(at), y: PLOT.height - 20, "text-anchor": "middle" }, frontier.is_log ? figure(at) : percent(at)));
  svg.append(el("line", { class: "axis", x1: PLOT.left, x2: PLOT.width - PLOT.right, y1: PLOT.height - PLOT.bottom, y2: PLOT.height - PLOT.bottom }));
  svg.append(el("text", { x: (PLOT.left + PLOT.width - PLOT.right) / 2, y: PLOT.height - 4, "text-anchor": "middle" }, frontier.x));
  for (const s of series) svg.append(...drawn(s, x, y, now));
  return el("figure", { class: "frontier" }, svg, key(series),
    el("details", {}, el("summary", {}, "As a table"), frontierTable(series)));
}

function viewPoint(view) {
  return { accuracy: view.accuracy, low: view.low, high: view.high, cost: view.mean_cost, label: known(view.price) ? `price ${figure(view.price)}` : "" };
}

function drawn(s, x, y, now) {
  const isLine = s.kind === "router" || s.kind === "views";
  const points = s.points.filter((p) => known(p.cost) && known(p.accuracy));
  const found = [];
  if (isLine) {
    const sorted = [...points].sort((a, b) => a.cost - b.cost);
    found.push(el("path", { class: "line", d: sorted.map((p, k) => `${k ? "L" : "M"}${x.of(p.cost)} ${y.of(p.accuracy)}`).join("") }));
  }
  points.forEach((p, k) => {
    const isNow = s.kind === "views" && k === now;
    const kind = isLine ? "router" : s.kind === "effort" ? "now" : s.kind;
    const title = `${p.label}: ${percent(p.accuracy)} [${percent(p.low)}, ${percent(p.high)}] at ${figure(p.cost)}`;
    if (s.kind !== "effort") found.push(el("line", { class: `whisker ${s.kind === "arm" ? "arm" : ""}`, x1: x.of(p.cost), x2: x.of(p.cost), y1: y.of(p.low), y2: y.of(p.high) }));
    found.push(el("circle", { class: isNow ? "now" : kind, cx: x.of(p.cost), cy: y.of(p.accuracy), r: isNow || s.kind === "effort" ? 5 : isLine ? 3.5 : 2.6 }, el("title", {}, title)));
  });
  return found;
}

function axis(values, isLog, from, to) {
  const low = Math.min(...values), high = Math.max(...values);
  const f = isLog ? Math.log10 : (v) => v;
  const room = (f(high) - f(low) || Math.abs(f(high)) || 1) * 0.05, start = f(low) - room, end = f(high) + room;
  const of = (v) => Number((from + (to - from) * (f(v) - start) / (end - start)).toFixed(1));
  return { of, ticks: isLog ? powers(start, end) : steps(start, end) };
}

function powers(start, end) {
  const found = [];
  const wide = end - start > 2.5;
  for (let k = Math.floor(start); k <= Math.ceil(end); k++) {
    for (const m of wide ? [1] : [1, 3]) {
      if (k + Math.log10(m) >= start && k + Math.log10(m) <= end) found.push(m * 10 ** k);
    }
  }
  return found;
}

function steps(start, end) {
  const size = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((s) => (end - start) / s <= 7) || 1;
  const found = [];
  for (let at = Math.ceil(start / size) * size; at <= end + 1e-9; at += size) found.push(Number(at.toFixed(4)));
  return found.filter((at) => at >= 0 && at <= 1);
}

function key(series) {
  const shapes = { arm: "var(--faint)", other: "var(--warn)", router: "var(--accent)", views: "var(--accent)", effort: "var(--accent)" };
  return el("figcaption", { class: "legend" }, series.map((s) => {
    const dot = el("i", { class: "spot" });
    dot.style.background = shapes[s.kind];
    return el("span", {}, dot, s.name);
  }), el("span", {}, "lines: 95 % intervals"));
}

function frontierTable(series) {
  const rows = series.flatMap((s) => s.points.map((p) => [s.name, p.label, percent(p.accuracy), `${percent(p.low)} to ${percent(p.high)}`, figure(p.cost)]));
  return el("div", { class: "tall" }, table(["", "", "#accuracy", "#interval", "#cost"], rows));
}
