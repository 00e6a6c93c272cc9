// The page: one problem alone, or a list of them beside the one that is picked.
function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  document.title = visible(`${data.title} - tts-select`);
  const main = document.getElementById("main");
  fill(document.getElementById("title"), data.title);
  fill(document.getElementById("subtitle"), data.subtitle);
  if (data.kind === "one") {
    main.className = "alone";
    loadRecord(data, 0).then((record) => fill(main, el("div", { class: "detail" }, detailOf(record))));
  } else if (data.kind === "many") listPage(data, main);
  else if (data.kind === "tables") tablesPage(data, main);
  else reportPage(data, main);
}

start();
