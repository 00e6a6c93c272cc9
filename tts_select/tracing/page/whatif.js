// What if: the router's own replays over stored samples, looked up on a grid. Nothing is decided here.
function whatIfOf(record) {
  const grid = record.what_if;
  const least = { value: 0 };
  const outcome = el("div", { class: "outcome", "aria-live": "polite" });
  if (!grid) return null;
  const unit = (record.router && record.router.unit) || "FLOPs";
  const at = { price: grid.own, budget: grid.budgets.length - 1 };
  const show = () => fill(outcome, outcomeOf(record, grid.states[grid.grid[at.price][at.budget]], least.value));
  const sliders = el("div", { class: "sliders" },
    slider("Price of compute", grid.prices.length, at.price, (k) => priceLabel(grid, k, unit, record), (k) => { at.price = k; show(); }),
    grid.budgets.length > 1 ? slider("Most tokens", grid.budgets.length, at.budget, (k) => known(grid.budgets[k]) ? `${count(grid.budgets[k])} tokens` : "no cap", (k) => { at.budget = k; show(); }) : null,
    slider("Minimum confidence", 101, 0, (k) => k ? percent(k / 100) : "none", (k) => { least.value = k / 100; show(); }));
  show();
  return card("What if", el("p", { class: "soft" }, "The router, replayed on the stored samples: dearer compute stops it earlier, cheaper compute may want samples that were never drawn."), sliders, outcome);
}

function priceLabel(grid, k, unit, record) {
  const price = grid.prices[k];
  const efforts = Object.entries((record.router && record.router.efforts) || {});
  const named = efforts.find(([, p]) => Math.abs(Math.log(p / price)) < 0.02);
  const relative = grid.own === k ? "as it ran" : `\u00d7 ${figure(price / grid.prices[grid.own])}`;
  return `${figure(price)} per ${unit.replace(/s$/, "")} (${named ? `effort ${named[0]}` : relative})`;
}

let sliderIds = 0;
function slider(name, n, value, words, moved) {
  const id = `slider-${++sliderIds}`;
  const output = el("output", { for: id }, words(value));
  const input = el("input", { type: "range", id, min: 0, max: n - 1, step: 1, value, "aria-valuetext": words(value) });
  input.addEventListener("input", () => {
    const k = Number(input.value);
    output.textContent = visible(words(k));
    input.setAttribute("aria-valuetext", words(k));
    moved(k);
  });
  return el("div", { class: "dial" }, el("label", { for: id }, name), output, input);
}

function outcomeOf(record, state, least) {
  const withheld = known(state.p_correct) ? state.p_correct < least : least > 0;
  const given = withheld ? null : state.answer;
  const same = answerOf(state.answer) === answerOf(record.answer);
  return [
    el("div", {}, el("div", { class: "answer" }, withheld ? "withheld" : answerOf(given)),
      known(state.correct) && !withheld ? verdict(state.correct) : el("span", { class: `chip ${withheld ? "warn" : same ? "" : "accent"}` }, withheld ? `the guess is ${answerOf(state.answer)}` : same ? "the same answer" : "another answer"),
      known(state.p_correct) ? el("div", {}, meter(state.p_correct, `confidence ${percent(state.p_correct)}`), el("small", {}, `confidence ${percent(state.p_correct)}`)) : null),
    el("div", {},
      el("div", { class: "row" },
        el("span", {}, `about ${count(state.tokens)} tokens`),
        known(state.flops) ? el("span", { class: "soft" }, `${figure(state.flops)} FLOPs`) : null,
        record.bill && record.bill.policy_generated_tokens ? el("span", { class: "chip" }, `${percent(state.tokens / record.bill.policy_generated_tokens)} of what was spent`) : null),
      el("div", { class: "soft" }, state.ran.length ? state.ran.join(" \u2192 ") : "nothing is run", state.why ? `; ${state.why}` : ""),
      state.wants ? el("div", {}, el("span", { class: "chip warn" }, `it would go on with ${state.wants}, which was not sampled`)) : null),
  ];
}
