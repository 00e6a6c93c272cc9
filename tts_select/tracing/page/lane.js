// The lane of decisions: what was at hand, the options with why each lost, the step that was taken.
function laneOf(record) {
  const decisions = record.decisions || [];
  const unit = (record.router && record.router.unit) || "FLOPs";
  if (!decisions.length) return null;
  return card("Decisions", el("ol", { class: "lane" }, decisions.map((d) => decisionOf(d, unit))));
}

function decisionOf(d, unit) {
  const stops = d.chosen === "stop" || !known(d.chosen);
  const what = d.is_probe ? "look first" : stops ? "stop" : "run";
  return el("li", { class: stops ? "stop" : null },
    el("div", { class: "title" }, el("h3", {}, what, stops ? "" : ` ${d.chosen}`), el("small", {}, d.why)),
    el("div", { class: "three" },
      el("div", {}, el("small", {}, "evidence"), votesOf(d.evidence)),
      el("div", {}, el("small", {}, "options"), optionsOf(d, unit)),
      el("div", {}, el("small", {}, "step"), stepOf(d, stops))));
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

function optionsOf(d, unit) {
  const rows = (d.options || []).map((o) => el("tr", { class: o.is_chosen ? "chosen" : null },
    el("td", {}, o.name, o.is_chosen ? el("span", { class: "hidden" }, " (chosen)") : null),
    el("td", {}, known(o.p_correct) ? el("div", { class: "p" }, o.p_correct.toFixed(2), meter(o.p_correct, `P(correct) ${o.p_correct.toFixed(2)}`)) : DASH),
    el("td", { class: "num" }, known(o.cost) ? figure(o.cost) : DASH),
    el("td", { class: "num" }, known(o.value) ? o.value.toFixed(3) : DASH),
    el("td", { class: "why" }, o.why_not || (o.is_chosen ? "taken" : ""))));
  if (!rows.length) return el("small", {}, "none was weighed");
  const heads = ["option", "P(correct)", `${unit} more`, "value", "why not"];
  const more = d.n_options - rows.length;
  return [el("table", { class: "options" },
    el("thead", {}, el("tr", {}, heads.map((h, k) => el("th", { scope: "col", class: k === 2 || k === 3 ? "num" : null }, h)))),
    el("tbody", {}, rows)),
  more > 0 ? el("small", {}, `and ${more} more, worth less`) : null];
}

function stepOf(d, stops) {
  if (stops) return el("small", {}, "the surest answer is given");
  const before = d.evidence && d.evidence.answers[0] ? d.evidence.answers[0].p_correct : null;
  const drawn = Object.entries(d.samples || {}).map(([pool, [from, to]]) => `samples ${from + 1}${DASH}${to} of ${pool}`);
  return [
    ...drawn.map((words) => el("div", {}, el("small", {}, words))),
    d.cost ? el("div", {}, `${count(d.cost.policy_generated_tokens)} tokens`, known(d.cost.flops) ? el("small", {}, `, ${figure(d.cost.flops)} FLOPs`) : null) : el("small", {}, "cut short"),
    known(d.p_after) ? el("div", {}, el("small", {}, "confidence "), `${known(before) ? percent(before) : DASH} \u2192 ${percent(d.p_after)}`) : null,
  ];
}
