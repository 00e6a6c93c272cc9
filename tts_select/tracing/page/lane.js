// The lane of decisions: what was at hand, the options with why each lost, the step that was taken.
function laneOf(record) {
  const decisions = record.decisions || [];
  const unit = (record.router && record.router.unit) || "FLOPs";
  if (!decisions.length) return null;
  const remark = record.decisions_remark ? el("p", { class: "soft" }, record.decisions_remark) : null;
  return card("Decisions", remark, el("ol", { class: "lane" }, decisions.map((d, k) => decisionOf(d, k, unit))));
}

function decisionOf(d, place, unit) {
  const stops = d.chosen === "stop" || !known(d.chosen);
  const what = d.is_probe ? "look first" : stops ? "stop" : "run";
  return el("li", { class: stops ? "stop" : null },
    el("span", { class: "number", "aria-hidden": "true" }, place + 1),
    el("div", { class: "title" }, el("h3", {}, what, stops ? "" : ` ${d.chosen}`), el("small", {}, d.why)),
    el("div", { class: "two" },
      el("div", {}, el("h4", {}, "evidence"), votesOf(d.evidence)),
      el("div", {}, el("h4", {}, "options"), optionsOf(d, unit))),
    stops ? null : stepOf(d));
}

function votesOf(evidence) {
  if (!evidence || !evidence.n_solutions) return el("small", {}, "the text alone");
  const shown = evidence.answers.filter((a) => a.votes).slice(0, 4);
  const rest = evidence.n_votes - shown.reduce((n, a) => n + a.votes, 0);
  const bar = el("div", { class: "votes", role: "img", "aria-label": `${evidence.n_votes} votes for ${evidence.n_answers} answers` });
  const parts = [...shown.map((a, k) => [a.votes, `vote-${k + 1}`]), [rest, "vote-rest"]];
  for (const [n, name] of parts) {
    if (n > 0) bar.append(el("i", { class: name }));
    if (n > 0) bar.lastChild.style.flexGrow = n;
  }
  const lines = shown.map((a, k) => el("li", {}, el("span", { class: `dot vote-${k + 1}` }),
    el("span", { class: "clip", title: a.answer }, a.answer),
    el("span", { class: "soft" }, `${a.votes}${known(a.p_correct) ? ` \u00b7 P ${a.p_correct.toFixed(2)}` : ""}`)));
  if (rest > 0) lines.push(el("li", {}, el("span", { class: "dot vote-rest" }), el("span", {}, "others"), el("span", { class: "soft" }, rest)));
  const silent = evidence.n_solutions - evidence.n_votes;
  return [bar, el("ul", { class: "ballot" }, lines), silent > 0 ? el("small", {}, `${silent} without an answer`) : null];
}

const SHOWN_OPTIONS = 4;

function optionsOf(d, unit) {
  const options = d.options || [];
  if (!options.length) return el("small", {}, "none was weighed");
  if (options.length === 1 && !known(options[0].p_correct)) return el("small", {}, "nothing to weigh yet: it looks first");
  const more = d.n_options - options.length;
  return [
    optionTable(options.slice(0, SHOWN_OPTIONS), unit),
    options.length > SHOWN_OPTIONS ? el("details", {}, el("summary", {}, `${d.n_options - SHOWN_OPTIONS} more`),
      optionTable(options.slice(SHOWN_OPTIONS), unit), more > 0 ? el("small", {}, `and ${count(more)} that are worth less`) : null) : null,
  ];
}

function optionTable(options, unit) {
  const rows = options.map((o) => el("tr", { class: o.is_chosen ? "chosen" : null },
    el("td", {}, o.name, o.is_chosen ? el("span", { class: "hidden" }, " (chosen)") : null),
    el("td", {}, known(o.p_correct) ? el("div", { class: "p" }, o.p_correct.toFixed(2), meter(o.p_correct, `P(correct) ${o.p_correct.toFixed(2)}`)) : DASH),
    el("td", { class: "num" }, known(o.cost) ? figure(o.cost) : DASH),
    el("td", { class: "num" }, known(o.value) ? o.value.toFixed(3) : DASH),
    el("td", { class: "why" }, o.why_not || (o.is_chosen ? "taken" : ""))));
  const heads = ["option", "P(correct)", `more ${unit}`, "value", "why not"];
  return el("table", { class: "options" },
    el("thead", {}, el("tr", {}, heads.map((h, k) => el("th", { scope: "col", class: k === 2 || k === 3 ? "num" : null }, h)))),
    el("tbody", {}, rows));
}

function stepOf(d) {
  const before = d.evidence && d.evidence.answers[0] ? d.evidence.answers[0].p_correct : null;
  const drawn = Object.entries(d.samples || {}).map(([pool, [from, to]]) =>
    to - from === 1 ? `sample ${to} of ${pool}` : `samples ${from + 1}${DASH}${to} of ${pool}`);
  const parts = [
    ...drawn,
    d.cost ? `${count(d.cost.policy_generated_tokens)} tokens` : "cut short",
    d.cost && known(d.cost.flops) ? `${figure(d.cost.flops)} FLOPs` : null,
    known(d.p_after) ? `confidence ${known(before) ? percent(before) : DASH} \u2192 ${percent(d.p_after)}` : null,
  ];
  return el("div", { class: "step" }, el("h4", {}, "step"), el("span", {}, parts.filter(Boolean).join(" \u00b7 ")));
}
