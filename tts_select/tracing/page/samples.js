// Candidates: a list that draws only the rows in sight, and the text of the one that is picked.
function samplesOf(record) {
  const rows = [];
  for (const pool of record.pools || []) {
    pool.samples.forEach((sample, k) => rows.push({ pool: pool.name, number: k + 1, sample }));
  }
  if (!rows.length) return null;
  const text = el("div", { class: "text", "aria-live": "polite" });
  const list = virtualList({
    label: "Samples", rowHeight: 30, n: () => rows.length,
    draw: (k) => sampleRow(rows[k], rows.length),
    pick: (k) => fill(text, sampleText(rows[k])),
  });
  list.element.style.height = `${Math.min(320, rows.length * 30 + 2)}px`;
  list.select(0, true);
  return el("section", { class: "card samples", "aria-label": "Samples" },
    el("h2", {}, `Samples (${count(rows.length)})`), el("div", { class: "split" }, list.element, text));
}

function lastScore(sample) {
  const all = Object.values(sample.scores || {});
  return all.length && all[0].length ? all[0][all[0].length - 1] : null;
}

function sampleRow({ pool, number, sample }) {
  const score = lastScore(sample);
  return [
    el("span", { class: "soft" }, number),
    el("span", { class: "clip" }, el("b", {}, answerOf(sample.answer)), el("small", {}, `  ${pool}`)),
    known(score) ? el("small", {}, `score ${score.toFixed(2)}`) : el("small", {}, ""),
    el("small", {}, sample.finish === "length" ? "cut, " : "", `${count(sample.tokens)} tokens`),
  ];
}

function sampleText({ pool, number, sample }) {
  const prms = Object.entries(sample.scores || {});
  const scores = prms.length ? prms[0][1] : null;
  const steps = sample.steps || [];
  return [
    el("div", { class: "row" }, el("b", {}, `${pool}, sample ${number}`), verdict(sample.correct),
      el("span", { class: "chip" }, sample.finish === "length" ? "cut by length" : sample.finish || ""),
      prms.length ? el("span", { class: "chip" }, `scored by ${prms[0][0]}`) : null),
    steps.length ? stepsOf(steps, scores) : el("small", {}, "the text is not stored"),
  ];
}

function stepsOf(steps, scores) {
  return el("ol", {}, steps.map((step, k) => el("li", {},
    scores && known(scores[k]) ? el("div", {}, el("small", {}, scores[k].toFixed(2)), meter(scores[k], `score ${scores[k].toFixed(2)}`)) : el("small", {}, k + 1),
    el("div", { class: "pre" }, step))));
}
