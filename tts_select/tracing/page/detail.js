// Everything about one problem.
function detailOf(record) {
  return el("div", { class: "stack" },
    stripOf(record), laneOf(record), whatIfOf(record), treesOf(record), samplesOf(record), armsOf(record),
    record.text && !(record.pools || []).length ? card("Solution", el("div", { class: "text pre" }, record.text)) : null);
}

function armsOf(record) {
  if (!record.arms) return null;
  const sorted = [...record.arms].sort((a, b) => a[2] - b[2]);
  const rows = sorted.map(([name, correct, spent]) => [name, correct === 1 ? verdict(true) : correct === 0 ? verdict(false) : `right ${percent(correct)} of the time`, figure(spent)]);
  const right = sorted.find(([, correct]) => correct === 1);
  return card("Fixed arms on this problem",
    el("p", { class: "soft" }, right ? `The cheapest one that is right: ${right[0]}, ${figure(right[2])}.` : "None of them is right in every draw."),
    el("details", {}, el("summary", {}, `All ${rows.length}, the cheapest first`), table(["arm", "answer", "#cost"], rows)));
}
