// The tree of a search: a bar is a step, as long as its tokens, coloured by its score; grey ones were given up.
const ROW = 17, BAR = 11, WIDE = 1.0;

function treesOf(record) {
  const found = (record.searches || []).filter((s) => s.nodes && s.nodes.length);
  return found.map((s) => treeCard(s));
}

function treeCard(search) {
  const text = el("div", { class: "text", "aria-live": "polite" }, el("small", {}, "Pick a step to read it."));
  const nodes = search.nodes.map((node, id) => ({ ...node, id, children: [] }));
  for (const node of nodes) if (known(node.parent)) nodes[node.parent].children.push(node);
  const order = rowsOf(nodes);
  const states = nodes.reduce((all, node) => ({ ...all, [node.state]: (all[node.state] || 0) + 1 }), {});
  return el("section", { class: "card", "aria-label": `Search tree of ${search.arm}` },
    el("h2", {}, `Search tree of ${search.arm}`),
    legend(nodes, states),
    el("div", { class: "split" }, drawing(nodes, order, (node) => fill(text, nodeText(nodes, node))), text),
    el("details", {}, el("summary", {}, "As a table"), treeTable(nodes, order)));
}

function legend(nodes, states) {
  return el("div", { class: "legend" },
    el("span", {}, `${count(nodes.length)} steps`),
    el("span", {}, el("i", { class: "scale" }), "score 0 to 1"),
    el("span", {}, el("i", { class: "grey" }), `given up (${count(states.pruned || 0)})`),
    el("span", {}, el("i", { class: "bold" }), "the way to the answer"),
    el("span", {}, "length: tokens"));
}

// A parent shares the row of its best child; depth-first, the best first.
function rowsOf(nodes) {
  const rank = { chosen: 0, finished: 1, kept: 2, pruned: 3 };
  const best = (a, b) => rank[a.state] - rank[b.state] || (b.score || 0) - (a.score || 0);
  const order = [];
  let row = 0;
  const first = (a, b) => (b.state === "chosen") - (a.state === "chosen") || a.tree - b.tree || best(a, b);
  const stack = nodes.filter((n) => !known(n.parent)).sort(first).reverse();
  while (stack.length) {
    const node = stack.pop();
    order.push(node);
    node.children.sort(best);
    const above = known(node.parent) && nodes[node.parent].children[0] === node ? nodes[node.parent].row : null;
    node.row = above === null ? row++ : above;
    for (let k = node.children.length - 1; k >= 0; k--) stack.push(node.children[k]);
  }
  return order;
}

function drawing(nodes, order, picked) {
  const longest = Math.max(...nodes.map((n) => n.total), 1);
  const scale = Math.max(WIDE, 560 / longest), rows = Math.max(...nodes.map((n) => n.row)) + 1;
  const svg = el("svg", { width: Math.ceil(longest * scale) + 24, height: rows * ROW + 12, role: "tree", "aria-label": "Steps of the search" });
  const groups = new Map();
  for (const node of order) {
    if (known(node.parent) && node.row !== nodes[node.parent].row) svg.append(connector(nodes[node.parent], node, scale));
  }
  for (const node of order) {
    const group = barOf(node, scale);
    group.addEventListener("click", () => choose(node));
    groups.set(node.id, group);
    svg.append(group);
  }
  let now = order[0];

  function focusOn(node) {
    groups.get(now.id).setAttribute("tabindex", "-1");
    now = node;
    groups.get(node.id).setAttribute("tabindex", "0");
    groups.get(node.id).focus();
  }
  function choose(node) {
    for (const rect of svg.querySelectorAll('rect[aria-selected="true"]')) rect.removeAttribute("aria-selected");
    groups.get(node.id).querySelector("rect").setAttribute("aria-selected", "true");
    focusOn(node);
    picked(node);
  }
  svg.addEventListener("keydown", (event) => {
    const place = order.indexOf(now);
    const to = {
      ArrowDown: () => order[place + 1], ArrowUp: () => order[place - 1], ArrowRight: () => now.children[0],
      ArrowLeft: () => known(now.parent) ? nodes[now.parent] : null, Home: () => order[0], End: () => order[order.length - 1],
    }[event.key];
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(now); return; }
    if (!to) return;
    event.preventDefault();
    const node = to();
    if (node) focusOn(node);
  });
  groups.get(now.id).setAttribute("tabindex", "0");
  return el("div", { class: "tree" }, svg);
}

function connector(parent, node, scale) {
  const x = 10 + parent.total * scale, y = 6 + parent.row * ROW + BAR / 2, to = 6 + node.row * ROW + BAR / 2;
  return el("path", { class: node.state === "chosen" ? "chosen" : null, d: `M${x} ${y}V${to}h3` });
}

function barOf(node, scale) {
  const x = 10 + (node.total - node.tokens) * scale + 2, width = Math.max(3, node.tokens * scale - 3);
  const rect = el("rect", { x, y: 6 + node.row * ROW, width, height: BAR, rx: 2, class: node.state });
  if (node.state !== "pruned") rect.style.fill = scoreColour(node.score);
  const words = `step ${node.depth}, ${node.state === "pruned" ? "given up" : node.state}, ${node.tokens} tokens${known(node.score) ? `, score ${node.score.toFixed(2)}` : ""}`;
  return el("g", { role: "treeitem", tabindex: "-1", "aria-level": node.round + 1, "aria-label": visible(`${words}: ${node.text.slice(0, 120)}`) },
    rect, el("title", {}, words));
}

function scoreColour(score) {
  if (!known(score)) return "var(--faint)";
  return `color-mix(in oklab, var(--score-high) ${Math.round(100 * Math.min(1, Math.max(0, score)))}%, var(--score-low))`;
}

function nodeText(nodes, node) {
  const way = [];
  for (let at = node; at; at = known(at.parent) ? nodes[at.parent] : null) way.unshift(at);
  return [
    el("div", { class: "row" }, el("b", {}, `step ${node.depth}`), el("span", { class: `chip ${node.state === "chosen" ? "accent" : ""}` }, node.state === "pruned" ? "given up" : node.state),
      el("span", { class: "chip" }, `${count(node.tokens)} tokens`),
      known(node.score) ? el("span", { class: "chip" }, `score ${node.score.toFixed(3)}`) : null,
      node.copies > 1 ? el("span", { class: "chip" }, `written ${node.copies} times`) : null,
      known(node.answer) ? el("span", { class: "chip good" }, `answer ${node.answer}`) : null),
    stepsOf(way.map((n) => n.text), way.map((n) => n.score)),
  ];
}

const MOST_ROWS = 400;
function treeTable(nodes, order) {
  const rows = order.slice(0, MOST_ROWS).map((n) => [n.id + 1, known(n.parent) ? n.parent + 1 : DASH, n.round + 1, n.state === "pruned" ? "given up" : n.state,
    known(n.score) ? n.score.toFixed(3) : DASH, n.tokens, el("span", { class: "pre" }, n.text)]);
  const note = order.length > MOST_ROWS ? el("small", {}, `the first ${MOST_ROWS} of ${count(order.length)} steps`) : null;
  return el("div", {}, note, table(["#step", "#after", "#round", "state", "#score", "#tokens", "text"], rows));
}
