// Elements are made here and nowhere else. Text enters as text nodes, letter by letter; there is no HTML in data.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const KEPT = new Set(["\n", "\t", "\u200c", "\u200d"]);

function visible(text) {
  return String(text).replace(HIDDEN, (c) =>
    KEPT.has(c) ? c : "\\u{" + c.codePointAt(0).toString(16) + "}");
}

const SVG = "http://www.w3.org/2000/svg";
const SVG_NAMES = new Set(["svg", "g", "rect", "path", "circle", "line", "text", "title"]);

// el("td", { class: "num" }, "12", child): attributes, then texts and elements; null children are left out.
function el(name, attributes, ...children) {
  const made = SVG_NAMES.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  put(made, children);
  return made;
}

function put(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : visible(child));
  }
}

function fill(parent, ...children) {
  parent.replaceChildren();
  put(parent, children);
  return parent;
}

function meter(share, label, soft) {
  const bar = el("i", { class: "eased" });
  bar.style.width = `${Math.round(100 * Math.min(1, Math.max(0, share || 0)))}%`;
  return el("div", { class: soft ? "meter soft" : "meter", role: "img", "aria-label": label }, bar);
}

function card(title, ...children) {
  return el("section", { class: "card", "aria-label": title }, el("h2", {}, title), ...children);
}

function table(heads, rows, attributes) {
  const head = heads.map((h) => el("th", { scope: "col", class: h.startsWith("#") ? "num" : null }, h.replace("#", "")));
  const body = rows.map((row) => el("tr", {}, row.map((cell, k) =>
    el("td", { class: heads[k].startsWith("#") ? "num" : null }, cell))));
  return el("table", attributes || {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
}

function say(text) {
  document.getElementById("said").textContent = text;
}
