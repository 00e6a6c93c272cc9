// A report of `tts-select evaluate`: the frontier, and its figures.
function reportPage(data, main) {
  main.className = "alone";
  fill(main, el("div", { class: "detail stack" },
    card(data.frontier.title, frontierOf(data.frontier, [], -1)),
    card("Against fixed arms", table(["", "value, with its 95 % interval"], data.facts)),
    data.budgets.length ? card("Within a budget", table([`mean ${data.unit} of a problem`, "router", "best fixed arm", "difference"], data.budgets)) : null));
}
