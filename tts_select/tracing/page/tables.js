// Tables alone, as of a sweep that is not done.
function tablesPage(data, main) {
  main.className = "alone";
  fill(main, el("div", { class: "detail stack" }, data.cards.map((shown) =>
    card(shown.title, table(shown.heads, shown.rows.map((row) => row.map((cell, k) =>
      shown.heads[k] === "share" ? meter(cell, percent(cell)) : cell)))))));
}
