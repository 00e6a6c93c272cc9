// The playground: a problem, what it may cost, its rounds as they arrive, and the same at a second price.
const EFFORTS = ["low", "medium", "high", "a price"];
const ROUTER = "the router chooses";

function playPage(data, main) {
  const problem = el("textarea", { id: "problem", rows: "5", placeholder: "Type a problem" }, data.examples[0] || "");
  const examples = select("examples", "Or pick one", ["", ...data.examples], (k) => { if (k) problem.value = data.examples[k - 1]; });
  const model = select("model", "Model", data.models, () => {});
  const method = select("method", "Method", [ROUTER, ...data.methods], () => {});
  const budget = el("input", { id: "budget", type: "text", inputmode: "numeric", placeholder: "by the effort" });
  const key = data.has_keys ? el("input", { id: "key", type: "password", autocomplete: "off" }) : null;
  const one = costChoice("first", "What it may cost", "medium"), two = costChoice("second", "Beside it", "high");
  const beside = el("input", { id: "beside", type: "checkbox" });
  const run = el("button", { class: "main", type: "submit" }, "Solve"), stop = el("button", { type: "button", disabled: true }, "Stop");
  const results = el("div", { class: "results" });
  let abort = null;

  const form = el("form", { class: "card stack", "aria-label": "Ask" },
    labelled("problem", "Problem", problem), examples,
    one.element, el("div", { class: "row" }, beside, el("label", { for: "beside" }, "and at a second price, side by side")), two.element,
    el("details", {}, el("summary", {}, "Model and method"), el("div", { class: "stack" }, model, method, labelled("budget", "Budget N", budget))),
    key ? labelled("key", "API key (kept in this tab alone)", key) : null,
    el("div", { class: "row" }, run, stop));
  const showSecond = () => { two.element.hidden = !beside.checked; };
  beside.addEventListener("change", showSecond);
  showSecond();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = { model: model.querySelector("select"), method: method.querySelector("select"), budget: budget.value.trim() };
    const costs = beside.checked ? [one, two] : [one];
    abort = new AbortController();
    [run.disabled, stop.disabled] = [true, false];
    const columns = costs.map((cost) => column(cost.words()));
    results.className = costs.length > 1 ? "results two" : "results";
    const compared = el("div", {});
    fill(results, compared, columns.map((c) => c.element));
    const ended = await Promise.all(costs.map((cost, k) =>
      watch(columns[k], bodyOf(problem.value, asked, cost), key ? key.value : "", abort.signal)));
    if (costs.length > 1) fill(compared, comparison(costs, ended));
    [run.disabled, stop.disabled] = [false, true];
  });
  stop.addEventListener("click", () => abort && abort.abort());
  main.className = "two play";
  fill(main, el("aside", { class: "side", "aria-label": "Ask" }, form), results);
}

function bodyOf(text, asked, cost) {
  const tts = { ...cost.tts() };
  const method = asked.method.value;
  if (method !== ROUTER) tts.method = method;
  if (asked.budget) tts.budget = Number(asked.budget);
  const effort = cost.effort();
  return {
    model: asked.model.value, messages: [{ role: "user", content: text }], stream: true, tts,
    ...(effort && !tts.budget ? { reasoning_effort: effort } : {}),
  };
}

function column(title) {
  const status = el("p", { class: "soft", role: "status" }, "waiting for its turn");
  const body = el("div", { class: "stack" });
  return { element: el("section", { class: "stack column", "aria-label": title }, el("div", { class: "row" }, el("h2", {}, title), status), body), status, body };
}

async function watch(place, body, key, signal) {
  const decisions = [];
  try {
    for await (const event of eventsOf("/ui/solve", body, key, signal, () => fill(place.status, "models are being loaded"))) {
      if (event.error) throw new Error(event.error.message);
      if (event.decision) {
        decisions.push(event.decision);
        fill(place.status, roundWords(decisions.length, event));
        fill(place.body, card("Now", votesOf(event.decision.now)), laneOf({ decisions, router: {} }));
      }
      if (event.tts) {
        const record = event.trace || plainRecord(event, body);
        fill(place.status, "done");
        fill(place.body, detailOf(record));
        say("solved");
        return record;
      }
    }
    throw new Error("the stream broke off");
  } catch (error) {
    const words = error.name === "AbortError" ? "stopped" : error.message;
    fill(place.status, el("span", { class: "chip bad", role: "alert" }, words));
  }
  return null;
}

function roundWords(n, event) {
  const first = event.decision.now && event.decision.now.answers[0];
  const sure = first && known(first.p_correct) ? `, ${percent(first.p_correct)} sure of ${first.answer}` : "";
  return `round ${n}: ${count(event.bill.policy_generated_tokens)} tokens so far${sure}`;
}

// What nothing was voted on: one sample, told as it is.
function plainRecord(event, body) {
  return {
    problem: { id: event.tts.run_id, text: body.messages[0].content, gold: null, correct: null },
    answer: event.tts.answer, confidence: event.tts.confidence, confidence_kind: event.tts.confidence_kind,
    bill: event.tts.bill, text: event.text, errors: event.tts.errors, pools: [], searches: [], decisions: [],
  };
}

function comparison(costs, ended) {
  const rows = costs.map((cost, k) => {
    const record = ended[k];
    if (!record) return [cost.words(), DASH, DASH, DASH, DASH];
    const bill = record.bill || {};
    return [cost.words(), answerOf(record.answer), percent(record.confidence), count(bill.policy_generated_tokens), figure(bill.flops)];
  });
  return card("Side by side", table(["at", "answer", "#confidence", "#tokens", "#FLOPs"], rows),
    el("small", {}, "They run at the same time: what one has read of the prompt costs the other nothing."));
}

function costChoice(id, name, value) {
  const price = el("input", { type: "text", id: `${id}-price`, placeholder: "as 0.1/dollar or 1e-6/token", "aria-label": `${name}: price` });
  price.hidden = true;
  let chosen = value;
  const buttons = EFFORTS.map((effort) => {
    const button = el("button", { type: "button", "aria-pressed": String(effort === value) }, effort);
    button.addEventListener("click", () => {
      chosen = effort;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      price.hidden = effort !== EFFORTS[3];
    });
    return button;
  });
  const own = () => chosen === EFFORTS[3] && price.value.trim() !== "";
  return {
    element: el("div", { role: "group", "aria-label": name }, el("span", { class: "label" }, name), el("div", { class: "segments" }, buttons), price),
    effort: () => own() ? null : chosen === EFFORTS[3] ? "medium" : chosen,
    tts: () => own() ? { price: Number.isNaN(Number(price.value)) ? price.value.trim() : Number(price.value) } : {},
    words: () => own() ? `price ${price.value.trim()}` : `effort ${chosen === EFFORTS[3] ? "medium" : chosen}`,
  };
}

function labelled(id, words, input) {
  return el("div", {}, el("label", { for: id, class: "label" }, words), input);
}

function select(id, words, options, changed) {
  const made = el("select", { id }, options.map((text, k) => el("option", { value: text }, text || (k ? "" : "choose"))));
  made.addEventListener("change", () => changed(made.selectedIndex));
  return labelled(id, words, made);
}

function startPlay() {
  const data = JSON.parse(document.getElementById("data").textContent);
  fill(document.getElementById("title"), data.title);
  fill(document.getElementById("subtitle"), data.subtitle);
  playPage(data, document.getElementById("main"));
}

startPlay();
