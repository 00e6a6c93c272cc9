// The strip: question, answer, how sure, what it cost, what was saved.
function stripOf(record) {
  const problem = record.problem;
  const shown = known(record.best_guess) ? null : record.answer;
  return el("section", { class: "card strip", "aria-label": "Problem and answer" },
    el("div", {}, el("h2", {}, "Problem ", el("span", { class: "mono" }, problem.id)),
      el("div", { class: "question pre", tabindex: "0", role: "region", "aria-label": "The problem's text" }, problem.text)),
    el("div", {}, el("h2", {}, "Answer"),
      el("div", { class: "row" }, el("span", { class: "answer" }, answerOf(shown)), verdict(problem.correct)),
      known(record.best_guess) ? el("small", {}, `withheld; the best guess is ${record.best_guess}`) : null,
      known(problem.gold) ? el("div", {}, el("small", {}, "known answer ", problem.gold)) : null,
      sureness(record)),
    el("div", { class: "facts" }, billFacts(record.bill), saved(record.best_fixed)),
    el("div", { class: "row", style: null }, chips(record)),
    phases(record.bill));
}

function sureness(record) {
  if (!known(record.confidence)) return null;
  const kinds = { calibrated: "chance of being right", prior: "chance of being right, by the prior", "prior+prm": "chance of being right, by the prior and the PRM", "vote share": "share of the vote" };
  const words = `${percent(record.confidence)} ${kinds[record.confidence_kind] || record.confidence_kind}`;
  return el("div", {}, meter(record.confidence, words), el("small", {}, words));
}

function billFacts(bill) {
  if (!bill) return [];
  const facts = [["generated tokens", count(bill.policy_generated_tokens)]];
  if (bill.prm_tokens) facts.push(["tokens read by PRMs", count(bill.prm_tokens)]);
  if (known(bill.flops)) facts.push(["FLOPs", figure(bill.flops)]);
  if (bill.policy_calls) facts.push(["requests", count(bill.policy_calls + (bill.prm_calls || 0))]);
  if (bill.seconds) facts.push(["at work", seconds(bill.seconds)]);
  if (bill.dollars) facts.push(["dollars", figure(bill.dollars)]);
  return facts.map(([name, value]) => el("div", { class: "fact" }, el("b", {}, value), el("small", {}, name)));
}

function saved(fixed) {
  if (!fixed || !known(fixed.cost) || !known(fixed.spent) || !(fixed.cost > 0)) return null;
  const share = fixed.spent / fixed.cost, most = Math.max(fixed.spent, fixed.cost);
  const words = share <= 1 ? `${percent(1 - share)} saved` : `${share.toFixed(1)} times the cost`;
  return el("div", { class: "fact wide" },
    el("b", {}, words), el("small", {}, "against the best fixed arm"),
    el("div", { class: "compare" },
      el("span", {}, "this"), meter(fixed.spent / most, "cost of this run"), cost(fixed.spent, fixed.unit),
      el("span", {}, fixed.name), meter(fixed.cost / most, "expected cost of the fixed arm", true), `about ${cost(fixed.cost, fixed.unit)}`));
}

function chips(record) {
  const found = [];
  if (record.finished && record.finished !== "complete") found.push(["warn", `ended by a ${record.finished}`]);
  for (const error of record.errors || []) found.push(["bad", `a request failed: ${error}`]);
  if (record.error) found.push(["bad", `failed: ${record.error}`]);
  if (record.n_cut) found.push(["warn", `${record.n_cut} cut by length`]);
  const router = record.router;
  if (router && router.unfamiliar) found.push(["warn", `unlike the training: ${router.unfamiliar}`]);
  if (router) found.push(["", `${router.kind === "fixed" ? "no router" : router.kind + " router"}${router.effort ? `, effort ${router.effort}` : ""}`]);
  for (const [name, value] of Object.entries((router && router.caps) || {})) {
    if (known(value)) found.push(["", `${name.replace("_", " ")} ${figure(value)}`]);
  }
  if (record.plan) found.push(["", `${record.plan.method}, N = ${record.plan.budget}, ${record.plan.policy}`]);
  if (known(record.seed)) found.push(["", `seed ${record.seed}`]);
  if (record.shortened_to) found.push(["warn", `texts cut to ${count(record.shortened_to)} characters`]);
  return found.map(([kind, text]) => el("span", { class: `chip ${kind}`, title: text }, text));
}

function phases(bill) {
  const names = Object.entries((bill && bill.phases) || {});
  if (names.length < 2) return null;
  const rows = names.map(([name, c]) => [name, count(c.policy_generated_tokens), count(c.prm_tokens), figure(c.flops), seconds(c.seconds)]);
  return el("details", {}, el("summary", {}, "Bill by phase"),
    table(["phase", "#generated", "#read by PRMs", "#FLOPs", "#seconds"], rows));
}
