// The list of problems: filters, a search, the price at which it is looked at, and the one that is picked.
const FILTERS = {
  wrong: "wrong", overspent: "overspent", early: "stopped early and wrong", cut: "cut by length", no_answer: "no answer",
};
const EXPLAINED = {
  wrong: "The answer is wrong.", overspent: "The same answer was to be had for half of the cost or less, at another price.",
  early: "Wrong, though going on would have helped, or was thought to.", cut: "A solution ran out of tokens.",
  no_answer: "No solution ended in an answer, or it failed.",
};

function listPage(data, main) {
  const n = data.items.id.length;
  const state = { view: data.own, least: 0, pressed: new Set(), words: "", shown: [] };
  const place = new Map(data.items.id.map((id, k) => [id, k]));
  const detail = el("div", { class: "detail", role: "region", "aria-label": "The problem" });
  const chart = el("div", {}), counts = el("div", { class: "soft", role: "status" }), filters = el("div", { class: "filters", role: "group", "aria-label": "Filters" });
  let current = -1;

  const list = virtualList({
    label: "Problems", rowHeight: 46, n: () => state.shown.length,
    draw: (k) => lineOf(data, data.views[state.view], state.shown[k], state.least),
    pick: (k) => open(state.shown[k]),
  });
  const search = el("input", { type: "search", placeholder: "Search the problems ( / )", "aria-label": "Search the problems" });
  search.addEventListener("input", () => { state.words = search.value.toLowerCase(); refresh(); });

  function refresh() {
    const view = data.views[state.view], mask = [...state.pressed].reduce((all, name) => all | data.filters[name], 0);
    state.shown = [];
    for (let k = 0; k < n; k++) {
      if (mask && !(view.flags[k] & mask)) continue;
      if (state.words && !`${data.items.id[k]} ${data.items.question[k]}`.toLowerCase().includes(state.words)) continue;
      state.shown.push(k);
    }
    drawFilters(view);
    fill(counts, summary(data, view, state));
    const at = state.shown.indexOf(current);
    list.redraw(at);
  }

  function drawFilters(view) {
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.filter : null;
    fill(filters, Object.entries(data.filters).map(([name, bit]) => {
      const many = view.flags.reduce((sum, flags) => sum + (flags & bit ? 1 : 0), 0);
      const button = el("button", { type: "button", "aria-pressed": String(state.pressed.has(name)), title: EXPLAINED[name], "data-filter": name, disabled: !many && !state.pressed.has(name) },
        `${FILTERS[name]} ${count(many)}`);
      button.addEventListener("click", () => {
        if (!state.pressed.delete(name)) state.pressed.add(name);
        refresh();
        if (state.shown.length && !state.shown.includes(current)) list.select(0);
      });
      return button;
    }));
    const again = focused && filters.querySelector(`[data-filter="${focused}"]`);
    if (again) again.focus();
  }

  async function open(k) {
    current = k;
    const hash = `#p=${encodeURIComponent(data.items.id[k])}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
    say(`problem ${k + 1} of ${n}`);
    const record = await loadRecord(data, k);
    if (current === k) fill(detail, detailOf(atView(record, data, state.view)));
  }

  function look() {
    if (data.frontier) fill(chart, frontierOf(data.frontier, data.views, state.view));
    refresh();
    if (current >= 0) open(current);
  }

  const dials = data.views.length > 1 ? dialsOf(data, state, look) : el("div", { class: "sliders" }, leastOf(data, state, refresh));
  const side = el("aside", { class: "side stack", "aria-label": "Problems" },
    data.frontier ? card(data.frontier.title, chart, dials) : null,
    el("section", { class: "card all", "aria-label": "All problems" }, search, filters, counts, list.element));
  main.className = "two";
  fill(main, side, detail);
  keys(list, search);
  const wanted = () => place.get(decodeURIComponent(location.hash.replace(/^#p=/, "")));
  window.addEventListener("hashchange", () => { const k = wanted(); if (known(k) && k !== current) show(k); });

  function show(k) {
    if (!state.shown.includes(k)) { state.pressed.clear(); state.words = search.value = ""; refresh(); }
    list.select(state.shown.indexOf(k));
  }
  look();
  show(wanted() || 0);
}

function lineOf(data, view, k, least) {
  const correct = view.correct[k], withheld = least > 0 && (view.confidence[k] || 0) < least;
  const mark = withheld ? ["", "\u00b7", "withheld"] : correct === true ? ["good", "\u2713", "right"] : correct === false ? ["bad", "\u2717", "wrong"] : ["", "\u2022", "not graded"];
  return [
    el("span", { class: `mark ${mark[0]}` }, mark[1], el("span", { class: "hidden" }, mark[2])),
    el("span", { class: "clip" }, data.items.question[k] || data.items.id[k]),
    el("span", { class: "figure" }, known(view.confidence[k]) ? percent(view.confidence[k]) : ""),
    el("small", { class: "clip" }, withheld ? "withheld" : answerOf(view.answer[k]), el("span", { class: "soft" }, `  ${data.items.id[k]}`)),
    el("small", { class: "figure" }, known(view.cost[k]) ? `${figure(view.cost[k])} ${data.unit}` : ""),
  ];
}

function summary(data, view, state) {
  let given = 0, right = 0, graded = 0, spent = 0;
  for (const k of state.shown) {
    spent += view.cost[k] || 0;
    if (!known(view.answer[k]) || (state.least > 0 && (view.confidence[k] || 0) < state.least)) continue;
    given++;
    if (known(view.correct[k])) { graded++; right += view.correct[k] ? 1 : 0; }
  }
  const n = state.shown.length;
  const accuracy = graded ? `, ${percent(right / graded)} of them right` : "";
  return `${count(n)} of ${count(data.items.id.length)} shown: ${count(given)} answered${accuracy}; ${figure(n ? spent / n : 0)} ${data.unit} each`;
}

// A price for all problems, or the most accurate one within a mean cost; and a least confidence.
function dialsOf(data, state, look) {
  const views = data.views, byCost = views.map((_, k) => k).sort((a, b) => views[a].mean_cost - views[b].mean_cost);
  const words = (k) => `${figure(views[k].price)} per ${data.unit.replace(/s$/, "")}${effortAt(data, views[k].price)}`;
  const within = (k) => `${figure(views[byCost[k]].mean_cost)} ${data.unit} a problem`;
  const best = (most) => byCost.slice(0, most + 1).reduce((a, b) => views[b].accuracy > views[a].accuracy ? b : a);
  const price = slider("Price of compute", views.length, state.view, words, (k) => { state.view = k; look(); });
  const budget = slider("Mean budget", views.length, byCost.indexOf(state.view), within, (k) => {
    state.view = best(k);
    move(price, state.view, words(state.view));
    look();
  });
  budget.title = "The most accurate price within this mean cost of a problem";
  return el("div", { class: "sliders" }, price, budget, leastOf(data, state, look));
}

function leastOf(data, state, changed) {
  return slider("Minimum confidence", 100, 0, (k) => k ? percent(k / 100) : "none", (k) => { state.least = k / 100; changed(); });
}

function move(made, value, words) {
  const input = made.querySelector("input");
  input.value = value;
  input.setAttribute("aria-valuetext", words);
  fill(made.querySelector("output"), words);
}

function effortAt(data, price) {
  const found = Object.entries(data.efforts || {}).find(([, p]) => p === price);
  return found ? ` (effort ${found[0]})` : "";
}

// The record of a sweep as it is at the price that the list is looked at.
function atView(record, data, view) {
  if (data.views.length < 2 || !record.what_if) return record;
  const state = record.what_if.states[record.what_if.grid[view][0]];
  const bill = { policy_generated_tokens: state.tokens, flops: state.flops };
  const fixed = record.best_fixed && { ...record.best_fixed, spent: data.views[view].cost[data.items.id.indexOf(record.problem.id)] };
  const remark = view === data.own ? null : `At the price of ${effortAt(data, data.views[data.own].price).trim() || "the middle"}; what runs at the price above is under What if.`;
  return {
    ...record, problem: { ...record.problem, correct: state.correct }, answer: state.answer, confidence: state.p_correct,
    bill, best_fixed: fixed, decisions_remark: remark, what_if: { ...record.what_if, own: view },
    router: { ...record.router, effort: effortAt(data, data.views[view].price).replace(/ \(effort |\)/g, "") },
  };
}

function keys(list, search) {
  const help = el("dialog", { "aria-label": "Keys" }, el("h2", {}, "Keys"),
    table(["", ""], [["j", "next problem"], ["k", "previous problem"], ["/", "search"], ["?", "this help"], ["arrows", "move in a list or a tree"], ["Enter", "pick a step of a tree"], ["Esc", "close, clear the search"]].map(([k, words]) => [el("kbd", {}, k), words])),
    el("button", { type: "button", onclick: () => help.close() }, "Close"));
  document.body.append(help);
  const opener = el("button", { type: "button", "aria-label": "Keys", onclick: () => help.showModal() }, "?");
  fill(document.getElementById("tools"), opener);
  document.addEventListener("keydown", (event) => {
    if (event.target === search && event.key === "Escape") { search.value = ""; search.dispatchEvent(new Event("input")); search.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range") return;
    if (event.key === "j") list.move(1);
    else if (event.key === "k") list.move(-1);
    else if (event.key === "/") { event.preventDefault(); search.focus(); }
    else if (event.key === "?") help.showModal();
  });
}
