// Everything about one problem.
function detailOf(record) {
  return el("div", { class: "stack" },
    stripOf(record), laneOf(record), whatIfOf(record), treesOf(record), samplesOf(record),
    record.text && !(record.pools || []).length ? card("Solution", el("div", { class: "text pre" }, record.text)) : null);
}
